"""Lab test of a HorizontalPodAutoscaler, which follows the load by the metrics API."""

from __future__ import annotations

from typing import Any

import pytest

from testkit import pods
from testkit.cluster import Cluster
from testkit.wait import eventually

pytestmark = pytest.mark.release

LOAD_SECONDS = 75
MAX_REPLICAS = 3


def test_replicas_follow_the_load(cluster: Cluster, namespace: str) -> None:
    resources = {"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "32Mi"}}
    # The pod uses CPU time as long as a file exists.
    use_cpu = "while :; do if [ -e /tmp/load ]; then i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; "
    use_cpu += "else sleep 1; fi; done"
    main = pods.container(use_cpu, resources=resources)
    cluster.apply(pods.deployment(namespace, "load", 1, pods.spec(main)), _autoscaler(namespace))
    cluster.wait_rollout(namespace, "deployment/load")

    def current_replicas() -> int:
        return int(cluster.get("deployment", "-n", namespace, "load")["spec"]["replicas"])

    def cpu_is_measured() -> bool:
        current = cluster.get("hpa", "-n", namespace, "load")["status"].get("currentMetrics") or []
        return any(
            "averageUtilization" in metric.get("resource", {}).get("current", {}) for metric in current
        )

    eventually("the autoscaler has the pod's CPU", cpu_is_measured, timeout=90)
    assert current_replicas() == 1, "scaled up without load"
    cluster.run_in_pod(namespace, "deployment/load", "touch /tmp/load")
    eventually("scaled up under load", lambda: current_replicas() > 1, timeout=LOAD_SECONDS)
    for pod in cluster.pods(namespace, "app=load"):
        cluster.run_in_pod(namespace, pod["metadata"]["name"], "rm -f /tmp/load", check=False)
    eventually("scaled down without load", lambda: current_replicas() == 1, timeout=120)


def _autoscaler(namespace: str) -> dict[str, Any]:
    """Return a HorizontalPodAutoscaler for 60 % of the requested CPU, which scales up and down without
    delay.
    """
    immediate = {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 5}],
    }
    target = {"type": "Utilization", "averageUtilization": 60}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": namespace, "name": "load"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "load"},
            "minReplicas": 1,
            "maxReplicas": MAX_REPLICAS,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": {"scaleUp": immediate, "scaleDown": immediate},
        },
    }
