"""Lab test of hosts behind NAT: a control plane and a worker in one network, a worker in another [A4].

The gateway of the lab translates the address of each host behind it, and lets no packets to inner addresses
pass (`lab.nat`).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab import network
from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.netproof import network_proof
from testkit.process import run
from testkit.state import removed_at_end
from testkit.wait import eventually

BEHIND = ("cp-1", "w-1")
OUTSIDE = "w-2"
ANNOTATION = "flannel.alpha.coreos.com/public-ip"

pytestmark = pytest.mark.release


def inner_network(outer: str) -> IPv4Network:
    """Return the network behind the NAT of a lab on the network `outer` (10.72.N.0/24): 10.73.N.0/24."""
    return IPv4Network((int(IPv4Network(outer)[0]) + 2**16, 24))


def configuration(slot: lab_slots.LabSlot) -> stackfile.Document:
    """Return a cluster whose control plane and first worker are behind NAT."""
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"])
    settings = config[stackfile.CLUSTER]
    inner = inner_network(slot.network)
    settings["network"]["machines"] = [slot.network, str(inner)]
    for name in BEHIND:
        entry = settings["metal"]["hosts"][name]
        number = int(entry["address"].rsplit(".", 1)[1])
        entry |= {"address": str(inner[number]), "public_address": entry["address"]}
    return config


@pytest.fixture(scope="module")
def behind_nat(state: Path) -> Iterator[Cluster]:
    """Yield a cluster whose control plane and first worker are behind NAT."""
    slot = lab_slots.reserve("kwnat", state)
    config = configuration(slot)
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        cluster.wait_all_ready()
        yield cluster


def inner_address(cluster: Cluster, host: str) -> str:
    return str(cluster.config[stackfile.CLUSTER]["metal"]["hosts"][host]["address"])


def connects(cluster: Cluster, host: str, address: str, port: int) -> bool:
    script = f"timeout 5 bash -c '</dev/tcp/{address}/{port}'"
    return cluster.ssh(host, script, check=False).code == 0


def test_nothing_outside_reaches_the_inner_addresses(behind_nat: Cluster) -> None:
    """Test that the lab has a NAT: without this, the other tests would prove nothing."""
    for host in BEHIND:
        assert not connects(behind_nat, OUTSIDE, inner_address(behind_nat, host), 22)
        assert connects(behind_nat, OUTSIDE, behind_nat.address(host), 22)


def test_nodes_have_their_public_addresses(behind_nat: Cluster) -> None:
    assert behind_nat.address("cp-1") in behind_nat.kubeconfig.read_text()
    for node in behind_nat.items("nodes"):
        name = node["metadata"]["name"]
        addresses = {item["type"]: item["address"] for item in node["status"]["addresses"]}
        assert addresses["InternalIP"] == behind_nat.address(name)
        assert node["metadata"]["annotations"][ANNOTATION] == behind_nat.address(name)


def test_tunnels_lead_to_the_public_addresses(behind_nat: Cluster) -> None:
    namespace = network.host_namespace(behind_nat.name, OUTSIDE)
    entries = run(["bridge", "-n", namespace, "fdb", "show", "dev", "flannel.1"], timeout=10).stdout
    for host in BEHIND:
        assert f"dst {behind_nat.address(host)} " in entries
        assert inner_address(behind_nat, host) not in entries


@pytest.mark.parametrize(("client", "port"), [("w-1", 30094), (OUTSIDE, 30095)])
def test_pods_of_both_networks_reach_each_other(behind_nat: Cluster, client: str, port: int) -> None:
    with network_proof(behind_nat, f"nat-{client}", port, client=client) as net:
        net.assert_every_pod_answers()
        net.assert_large_files_arrive()
        net.assert_service_answers()
        net.assert_node_ports_answer()
        api = behind_nat.get("service", "kubernetes")["spec"]["clusterIP"]
        assert net.run_in_client(f"nc -w 5 {api} 443 </dev/null", check=False).code == 0, "no API"


def test_logs_exec_and_metrics_of_both_networks(behind_nat: Cluster) -> None:
    """The client of the API is outside of the NAT, and the API server is behind it."""
    namespace = "nat-exec"
    behind_nat.apply(pods.namespace(namespace))
    try:
        for node in behind_nat.workers:
            main = pods.container(f"echo started on {node} && exec sleep 3600")
            behind_nat.apply(pods.pod(namespace, node, pods.spec(main, **pods.on_node(node))))
        behind_nat.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=90s")
        for node in behind_nat.workers:
            assert f"started on {node}" in behind_nat.kubectl("logs", "-n", namespace, node).stdout
            assert behind_nat.run_in_pod(namespace, node, "hostname").stdout.strip() == node
        eventually(
            "metrics of all nodes",
            lambda: (
                set(behind_nat.nodes)
                <= set(behind_nat.kubectl("top", "nodes", "--no-headers", check=False).text.split())
            ),
            timeout=120,
            interval=5,
        )
    finally:
        behind_nat.kubectl("delete", "namespace", namespace, "--wait=false")


def test_restarted_host_has_its_public_address_again(behind_nat: Cluster) -> None:
    behind_nat.stop_host("w-1")
    behind_nat.start_host("w-1")
    behind_nat.wait_all_ready()
    with network_proof(behind_nat, "nat-restarted", 30096, client=OUTSIDE) as net:
        net.assert_every_pod_answers()
    assert behind_nat.previewed_operations() == {}
