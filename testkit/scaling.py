"""Workloads whose number of pods an autoscaler sets."""

from __future__ import annotations

from typing import Any

from testkit import pods
from testkit.cluster import Cluster
from testkit.wait import eventually

SCALED = 180
"""Maximum time until the number of pods follows a metric, in seconds."""


def deployment(namespace: str, name: str, script: str) -> dict[str, Any]:
    """Return a Deployment whose pods request 32Mi of memory and run a shell command.

    It has no number of pods, so that a changed Deployment leaves the number to the autoscaler.
    """
    labels = {"app": name}
    main = pods.container(script, resources={"requests": {"cpu": "10m", "memory": "32Mi"}})
    template = {"metadata": {"labels": labels}, "spec": pods.spec(main)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def wait_for_pods(cluster: Cluster, namespace: str, name: str, number: int) -> None:
    """Wait until a Deployment has this number of pods that run and do not end."""

    def running() -> int:
        phases = [pod["status"]["phase"] for pod in cluster.pods(namespace, f"app={name}")]
        return phases.count("Running")

    eventually(f"{number} pods of {name}", lambda: running() == number, timeout=SCALED)
