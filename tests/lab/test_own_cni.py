"""Lab test of a cluster without a CNI: nodes join, and a CNI of the user connects their pods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.messages import assert_readable
from testkit.netproof import network_proof
from testkit.state import removed_at_end

NAMESPACE = "kube-system"
CONFIGURATION = """\
{"cniVersion": "1.0.0", "name": "own", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "ranges": [[{"subnet": "SUBNET"}]],
   "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": true}},
  {"type": "tuning", "sysctl": {"net.ipv4.ip_default_ttl": "63"}}]}
"""
"""A chain with two plugins that flannel does not use."""

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def without_cni(state: Path) -> Iterator[Cluster]:
    """Yield a cluster with two nodes and without a CNI."""
    slot = lab_slots.reserve("kwcni", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["network"]["cni"] = "none"
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        yield cluster


def test_nodes_join_and_are_ready_with_the_cni_of_the_user(without_cni: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    nodes = without_cni.items("nodes")
    assert sorted(node["metadata"]["name"] for node in nodes) == ["cp-1", "w-1"]
    assert without_cni.ready_nodes() == []
    for node in nodes:
        assert "cni plugin not initialized" in ready_condition(node)["message"]
    for name in without_cni.nodes:
        assert not {"flanneld.service", "kube-router.service"} & set(without_cni.services(name))
    assert without_cni.previewed_operations() == {}, "the preview waits for the pod network"

    without_cni.apply(*own_cni(nodes))
    without_cni.wait_all_ready()
    without_cni.wait_rollout(NAMESPACE, "deployment/coredns")
    without_cni.wait_rollout(NAMESPACE, "deployment/metrics-server")
    with network_proof(without_cni, "own", 30093, client="w-1") as net:
        net.assert_every_pod_answers()
        net.assert_service_answers()
        net.assert_node_ports_answer()
        ttl = net.run_in_client("cat /proc/sys/net/ipv4/ip_default_ttl").stdout.strip()
        assert ttl == "63", "the pod has no interface of this CNI"
    assert without_cni.previewed_operations() == {}


def test_change_of_the_cni_is_refused_in_the_preview(without_cni: Cluster) -> None:
    with without_cni.edited_stack_file({"network": {"cni": "flannel"}}):
        words = ["network.cni: none cannot become flannel", "create another cluster"]
        assert_readable(without_cni.command("preview", check=False), words)


def ready_condition(node: Any) -> Any:  # noqa: ANN401 — an object of the API
    """Return the condition Ready of a node."""
    return next(item for item in node["status"]["conditions"] if item["type"] == "Ready")


def own_cni(nodes: list[Any]) -> list[dict[str, Any]]:
    """Return a CNI for nodes in one network: a pod for each node, which writes the configuration of the CNI
    and the routes to the pods of the other nodes. The pod uses the network of its node.
    """
    return [installer(node, [other for other in nodes if other != node]) for node in nodes]


def installer(node: Any, others: list[Any]) -> dict[str, Any]:  # noqa: ANN401 — an object of the API
    """Return the pod that installs the CNI on a node."""
    name = node["metadata"]["name"]
    routes = "".join(
        f"ip route replace {other['spec']['podCIDR']} via {internal_address(other)} && " for other in others
    )
    text = CONFIGURATION.replace("SUBNET", node["spec"]["podCIDR"])
    script = f"{routes}cat >/host/10-own.conflist <<'EOF'\n{text}EOF\nexec sleep 100000"
    container = {
        **pods.container(script),
        "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}, "runAsUser": 0},
        "volumeMounts": [{"name": "configuration", "mountPath": "/host"}],
    }
    volume = {"name": "configuration", "hostPath": {"path": "/etc/cni/net.d"}}
    spec = pods.spec(container, hostNetwork=True, volumes=[volume], **pods.on_node(name))
    return pods.pod(NAMESPACE, f"own-cni-{name}", spec)


def internal_address(node: Any) -> str:  # noqa: ANN401 — an object of the API
    """Return the address of a node."""
    addresses = node["status"]["addresses"]
    return str(next(item["address"] for item in addresses if item["type"] == "InternalIP"))
