"""Clusters of lab hosts whose pods Cilium connects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from testkit import stackfile
from testkit.add_on_images import build_images
from testkit.cilium_chart import copy_chart
from testkit.cluster import CHECKOUT, Cluster
from testkit.stackfile import Document
from testkit.state import removed_at_end

NAMESPACE = "kube-system"
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "default": {},
    "native": {"routing_mode": "native", "hubble": True},
    "without-kube-proxy": {"kube_proxy_replacement": True},
}
"""Combinations of options of Cilium, by name."""
AGENT_SECONDS = 300
"""Time until all agents run. Each agent compiles its programs."""
_UP_SECONDS = 1200
"""Time of an `up`, in which the nodes pull the image of the agent too."""


@contextmanager
def cilium_cluster(
    name: str, config: Document, options: Mapping[str, object], state: Path
) -> Iterator[Cluster]:
    """Yield a running cluster with these options of Cilium. The chart is in the state directory.

    Build the images first: `up` has a time limit, and the build can take longer.
    """
    build_images("cilium")
    chart = state / "cilium"
    if not chart.exists():
        copy_chart(state)
    config[stackfile.CLUSTER]["network"] |= {"cni": "cilium", "cilium": {**options, "chart": str(chart)}}
    with removed_at_end(Cluster(name=name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.command("up", timeout=_UP_SECONDS)
        cluster.wait_all_ready()
        wait_for_agents(cluster)
        yield cluster


def wait_for_agents(cluster: Cluster) -> None:
    """Wait until the agents of all nodes are ready, and no older agent runs."""
    cluster.wait_rollout(NAMESPACE, "daemonset/cilium", timeout=AGENT_SECONDS)


def agent_on(cluster: Cluster, node: str) -> str:
    """Return the name of the agent's pod on a node."""
    (name,) = (
        pod["metadata"]["name"]
        for pod in cluster.pods(NAMESPACE, "k8s-app=cilium")
        if pod["spec"]["nodeName"] == node
    )
    return str(name)
