"""Lab tests of clusters whose pods Cilium connects [G1].

Where registries are refused, the first test builds the images, which takes long (docs/artifacts.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from lab import network
from testkit import host_network, lab_slots, pods, stackfile
from testkit.cilium_cluster import NAMESPACE, OPTIONS, agent_on, cilium_cluster, wait_for_agents
from testkit.cluster import Cluster
from testkit.messages import assert_readable
from testkit.netproof import NetworkProof, network_proof
from testkit.policy_field import CASES, DENY_INGRESS, Field, policy_field
from testkit.wait import eventually
from topology.ports import HUBBLE_PORT

COMPILE_SECONDS = 20
"""Time until the first policy of a node is enforced. The agent compiles programs for policies."""
RESTART_SECONDS = 8
"""Time after the start of a restart in which no connection may succeed."""
NFT = "/usr/local/lib/kubewright/netfilter/nft"
NODE_PORT = 30094
HOST_PORT = 8099
OUTSIDE = "192.0.2.1"
"""An address outside of `network.machines`."""
REQUESTS = 30
"""Requests to a node port. Each request gets a random pod, so a pod of two gets none once in 2^29 runs."""
FETCH_FROM_OUTSIDE = f"""
import http.client, sys
for _ in range({REQUESTS}):
    client = http.client.HTTPConnection(sys.argv[1], {NODE_PORT}, timeout=5, source_address=("{OUTSIDE}", 0))
    client.request("GET", "/")
    print(client.getresponse().read().decode().strip())
"""

pytestmark = [pytest.mark.release, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module", params=list(OPTIONS))
def connected(request: pytest.FixtureRequest, state: Path) -> Iterator[Cluster]:
    """Yield a cluster of two hosts whose pods Cilium connects."""
    slot = lab_slots.reserve("kwcil", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    with cilium_cluster(slot.name, config, OPTIONS[request.param], state) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def net(connected: Cluster) -> Iterator[NetworkProof]:
    with network_proof(connected, "cilium", NODE_PORT, client="w-1") as proof:
        yield proof


def options(cluster: Cluster) -> dict[str, Any]:
    """Return the options of Cilium in the stack file."""
    section: dict[str, Any] = cluster.config[stackfile.CLUSTER]["network"]["cilium"]
    return section


def is_native(cluster: Cluster) -> bool:
    return options(cluster).get("routing_mode") == "native"


def test_pods_services_and_node_ports_answer(connected: Cluster, net: NetworkProof) -> None:
    net.assert_every_pod_answers()
    net.assert_large_files_arrive()
    net.assert_service_answers()
    net.assert_node_ports_answer()
    assert connected.previewed_operations() == {}


def test_clients_of_other_networks_reach_node_ports(connected: Cluster, net: NetworkProof) -> None:
    """The gateway of the lab has an address of another network. Pods of both nodes answer on each node."""
    gateway = network.gateway_namespace(connected.name)
    network.run_ip_batch(gateway, "client", [f"addr replace {OUTSIDE}/32 dev {network.BRIDGE}"])
    for name in connected.nodes:
        program = [sys.executable, "-c", FETCH_FROM_OUTSIDE, connected.address(name)]
        command = ["ip", "netns", "exec", gateway, *program]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
        assert result.returncode == 0, f"{name}: {result.stdout}{result.stderr}"
        assert len(set(result.stdout.split())) == len(connected.nodes), f"{name}: {result.stdout}"


def test_host_ports_of_pods_answer(connected: Cluster, net: NetworkProof) -> None:
    connected.kubectl("label", "namespace", net.namespace, "pod-security.kubernetes.io/enforce=privileged")
    ports = [{"containerPort": pods.PORT, "hostPort": HOST_PORT}]
    server = pods.container(pods.SERVE_COMMAND, readinessProbe=pods.PROBE, ports=ports)
    connected.apply(pods.pod(net.namespace, "server", pods.spec(server, **pods.on_node("w-1"))))
    connected.kubectl("wait", "-n", net.namespace, "pod/server", "--for=condition=Ready", "--timeout=60s")

    def fetch() -> str:
        try:
            with urlopen(f"http://{connected.address('w-1')}:{HOST_PORT}/", timeout=5) as answer:
                return str(answer.read().decode().strip())
        except OSError as error:
            raise AssertionError(str(error)) from None

    assert eventually("an answer on the host port", fetch, timeout=15) == "server"
    connected.kubectl("delete", "pod", "-n", net.namespace, "server", "--grace-period=1", "--wait")


def test_nodes_have_kube_proxy_unless_it_is_replaced(connected: Cluster) -> None:
    replaced = options(connected).get("kube_proxy_replacement", False)
    for name in connected.nodes:
        services = connected.services(name)
        assert ("kube-proxy.service" in services) is not replaced
        assert not {"flanneld.service", "kube-router.service"} & set(services)
        health = f"/usr/local/lib/kubewright/bin/kubectl --server=http://{connected.address(name)}:10256"
        connected.ssh(name, f"{health} --kubeconfig=/dev/null get --raw /healthz")


def test_packets_between_nodes_use_the_routing_mode(connected: Cluster) -> None:
    """With native routing, each node has a route to the pods of the other node by its address."""
    ranges = {name: connected.get("node", name)["spec"]["podCIDR"] for name in connected.nodes}
    for name, other in (("cp-1", "w-1"), ("w-1", "cp-1")):
        assert ("cilium_vxlan" in connected.network_links(name)) is not is_native(connected)
        routes = host_network.ip(connected.name, name, ["route", "show", ranges[other]])
        by_address = [route.get("gateway") == connected.address(other) for route in routes]
        assert by_address == [is_native(connected)], f"{name}: {routes}"


def test_agents_record_flows_only_with_hubble(connected: Cluster, net: NetworkProof) -> None:
    """The port of Hubble stays closed, also to the other node."""
    net.fetch(net.addresses()["cp-1"])
    agent = agent_on(connected, "cp-1")
    command = f"hubble observe --namespace {net.namespace} --protocol tcp --last 100 --output json"
    observed = connected.run_in_pod(NAMESPACE, agent, command, check=False)
    flows = [json.loads(line)["flow"] for line in observed.stdout.splitlines() if line.startswith("{")]
    verdicts = [flow["verdict"] for flow in flows if flow["source"].get("pod_name") == net.client]
    assert ("FORWARDED" in verdicts) is options(connected).get("hubble", False), observed.text
    connect = f"timeout 3 bash -c '</dev/tcp/{connected.address('cp-1')}/{HUBBLE_PORT}'"
    assert connected.ssh("w-1", connect, check=False).code != 0


@pytest.fixture(scope="module")
def field(connected: Cluster) -> Iterator[Field]:
    with policy_field(connected, "cp-1", "w-1") as field:
        yield field


@pytest.mark.parametrize("case", CASES)
def test_policy_allows_what_it_says(field: Field, case: str) -> None:
    try:
        CASES[case](field)
    finally:
        field.remove_policies()


def test_policies_are_enforced_and_survive_restarts(connected: Cluster, net: NetworkProof) -> None:
    """The server is on the control plane, so no connection succeeds while its components restart."""
    address = net.addresses()["cp-1"]

    def answers() -> bool:
        """Return whether the client on w-1 reaches the pod on the other host."""
        command = f"timeout 2 wget -q -O - http://{address}:{pods.PORT}/"
        return net.run_in_client(command, check=False).code == 0

    metadata = {"namespace": net.namespace, "name": "deny"}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata}

    def remove_policy() -> None:
        connected.kubectl("delete", "networkpolicy", "-n", net.namespace, "deny")
        eventually("pods answer again", answers, timeout=15)

    assert answers()
    connected.apply({**policy, "spec": DENY_INGRESS})
    eventually("the first policy is enforced", lambda: not answers(), timeout=COMPILE_SECONDS)
    remove_policy()
    connected.apply({**policy, "spec": DENY_INGRESS})
    eventually("the policy is enforced", lambda: not answers(), timeout=5)
    restart_components(connected, answers)
    remove_policy()


def restart_components(cluster: Cluster, answers: Callable[[], bool]) -> None:
    """Restart each component of the control plane's node. Check that nothing answers, also afterwards."""

    def expect_silence(component: str) -> None:
        deadline = time.monotonic() + RESTART_SECONDS
        while time.monotonic() < deadline:
            assert not answers(), f"a connection succeeded during the restart of {component}"

    units = [
        unit
        for unit in cluster.services("cp-1")
        if unit.startswith(("kubelet.", "containerd.", "kube-proxy."))
    ]
    assert len(units) == (2 if options(cluster).get("kube_proxy_replacement") else 3)
    for unit in units:
        cluster.ssh("cp-1", f"systemctl restart --no-block {unit}")
        expect_silence(unit)
    for workload in ("deployment/cilium-operator", "daemonset/cilium"):
        cluster.kubectl("rollout", "restart", "-n", NAMESPACE, workload)
        expect_silence(workload)
    cluster.wait_all_ready()
    wait_for_agents(cluster)
    expect_silence("all agents")


def test_packet_filter_of_hosts_still_closes_ports_to_pods(connected: Cluster, net: NetworkProof) -> None:
    """The port of etcd is open to control planes only, and the port of the API to pods too."""
    for name in connected.nodes:
        assert "chain input" in connected.ssh(name, f"{NFT} list table inet kubewright").stdout
    etcd = f"nc -w 3 {connected.address('cp-1')} 2379 </dev/null"
    assert net.run_in_client(etcd, check=False).code != 0
    api = f"nc -w 3 {connected.address('cp-1')} 6443 </dev/null"
    assert net.run_in_client(api).code == 0


def test_changes_of_the_cni_are_refused_in_the_preview(connected: Cluster) -> None:
    old, new = ("native", "tunnel") if is_native(connected) else ("tunnel", "native")
    with connected.edited_stack_file({"network": {"cilium": {"routing_mode": new}}}):
        words = [f"network.cilium.routing_mode: {old} cannot become {new}", "create another cluster"]
        assert_readable(connected.command("preview", check=False), words)
