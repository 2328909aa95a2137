"""StatefulSets for tests of volumes: one pod, which writes a line into its volume at each start."""

from __future__ import annotations

from typing import Any

from testkit import pods
from testkit.cluster import Cluster
from testkit.wait import eventually

_STARTS = "/data/starts"


def stateful_set(namespace: str, name: str, **claim: object) -> pods.Object:
    """Return a StatefulSet with the pod `<name>-0` and the claim `data-<name>-0`.

    `claim` are additional fields of the specification of the claim.
    """
    script = f"echo started >>{_STARTS} && exec sleep 100000"
    main = pods.container(script, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    labels = {"app": name}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}, **claim}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pods.spec(main)},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
        },
    }


def wait_ready(cluster: Cluster, namespace: str, pod: str, timeout: float = 180) -> Any:  # noqa: ANN401
    """Wait until a pod is ready and not being deleted, and return it, an object of the API."""

    def ready() -> Any:  # noqa: ANN401 - an object of the API
        found = [item for item in cluster.pods(namespace) if item["metadata"]["name"] == pod]
        conditions = [c for item in found for c in item["status"].get("conditions", [])]
        is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return found[0] if is_ready else None

    return eventually(f"pod {pod} ready", ready, timeout=timeout, interval=1)


def starts(cluster: Cluster, namespace: str, pod: str, *, check: bool = True) -> int:
    """Return how often the pod has started with its volume. Without `check`, 0 if the pod does not run."""
    return len(cluster.run_in_pod(namespace, pod, f"cat {_STARTS}", check=check).stdout.split())
