"""Lab tests of Cilium [G1]: its chart with the values of the settings, and a cluster that it connects.

The tests of the chart need no hosts. Where registries are refused, the first test of a cluster builds the
images, which takes long (docs/artifacts.md).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from artifacts.catalogue import DEFAULTS, images_of
from components.cilium import chart_values
from lab import network
from nodeconfig import cilium
from nodeconfig.host_paths import IPROUTE
from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.bundles import cluster as topology_of
from testkit.cilium_chart import KubernetesSchemas, copy_chart, render
from testkit.cluster import CHECKOUT, Cluster
from testkit.messages import assert_readable
from testkit.netproof import NetworkProof, network_proof
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.cilium import CGROUP_ROOT, VERSION

NAMESPACE = "kube-system"
OPTIONS: dict[str, dict[str, object]] = {
    "default": {},
    "native": {"routing_mode": "native"},
    "without-kube-proxy": {"kube_proxy_replacement": True},
    "hubble": {"hubble": True},
}
AGENT_SECONDS = 300
"""Time until all agents run. Each agent compiles its programs."""
COMPILE_SECONDS = 20
"""Time until the first policy of a node is enforced. The agent compiles programs for policies."""
UP_SECONDS = 1200
"""Time of an `up`, in which the nodes pull the image of the agent too."""
DENY_INGRESS = {"podSelector": {}, "policyTypes": ["Ingress"]}
NFT = "/usr/local/lib/kubewright/netfilter/nft"
NODE_PORT = 30094
HOST_PORT = 8099
OUTSIDE = "192.0.2.1"
"""An address outside of `network.machines`."""
REQUESTS = 30
"""Requests to a node port. Each request gets a random pod, so a pod of two gets none once in 2^29 runs."""
ROUTES = """
ip link add left type veth peer name right
ip address add 10.9.0.21/24 dev left
ip address add 10.244.9.1/24 dev left
ip link set left up
ip route add 10.244.1.0/24 via 10.9.0.22 protocol kernel    # the first two are as those of an agent
ip route add 10.244.2.0/24 via 10.9.0.23 protocol kernel
ip route add 10.244.3.0/24 via 10.9.0.24 protocol static
ip route add 10.245.1.0/24 via 10.9.0.24 protocol kernel
"""
FETCH_FROM_OUTSIDE = f"""
import http.client, sys
for _ in range({REQUESTS}):
    client = http.client.HTTPConnection(sys.argv[1], {NODE_PORT}, timeout=5, source_address=("{OUTSIDE}", 0))
    client.request("GET", "/")
    print(client.getresponse().read().decode().strip())
"""

pytestmark = [pytest.mark.release, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cilium")


@pytest.fixture(scope="module")
def chart(directory: Path) -> Path:
    return copy_chart(directory)


@pytest.fixture(scope="module")
def schemas(directory: Path) -> KubernetesSchemas:
    return KubernetesSchemas(directory)


def rendered(chart: Path, options: dict[str, object]) -> list[dict[str, Any]]:
    """Return the objects of the chart for a cluster with these options."""
    topology = topology_of(cni="cilium", cilium=options)
    assert topology.network.cilium is not None
    return render(chart, chart_values(topology, topology.network.cilium), DEFAULTS.kubernetes)


def find(objects: list[dict[str, Any]], kind: str, name: str) -> Any:  # noqa: ANN401 - JSON
    (item,) = (item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name))
    return item


@pytest.mark.parametrize("name", OPTIONS)
def test_chart_accepts_the_values_and_kubernetes_its_objects(
    chart: Path, schemas: KubernetesSchemas, name: str
) -> None:
    objects = rendered(chart, OPTIONS[name])
    assert [problem for item in objects for problem in schemas.problems(item)] == []
    kinds = {(item["kind"], item["metadata"]["name"]) for item in objects}
    assert {("DaemonSet", "cilium"), ("Deployment", "cilium-operator")} <= kinds
    assert ("DaemonSet", "cilium-envoy") not in kinds


def test_removal_deletes_only_routes_of_the_agent() -> None:
    """The routes are those of a network namespace without other processes."""
    topology = topology_of(cni="cilium", cilium={"routing_mode": "native"})
    assert topology.network.cilium is not None
    removal = cilium._route_removal(topology, topology.network.cilium).replace(f"{IPROUTE}/ip", "ip")
    command = ["unshare", "--net", "sh", "-euc", ROUTES + removal + "ip -4 route show"]
    shown = subprocess.run(command, check=True, timeout=30, stdout=subprocess.PIPE, text=True).stdout
    remaining = {line.split()[0] for line in shown.splitlines()}
    assert remaining == {"10.9.0.0/24", "10.244.3.0/24", "10.244.9.0/24", "10.245.1.0/24"}


def test_schemas_find_mistakes(schemas: KubernetesSchemas) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "date": {}, "data": {"a": 1}}
    problems = list(schemas.problems(item))
    assert any("date: unknown field" in problem for problem in problems)
    assert any("1 is not of type 'string'" in problem for problem in problems)
    assert list(schemas.problems(item | {"kind": "ConfigMaps"})) == ["ConfigMaps: unknown in v1"]


def test_agent_has_the_options_of_the_settings(chart: Path) -> None:
    def data(name: str) -> dict[str, str]:
        config: dict[str, str] = find(rendered(chart, OPTIONS[name]), "ConfigMap", "cilium-config")["data"]
        return config

    default, native = data("default"), data("native")
    assert (default["routing-mode"], default["tunnel-protocol"]) == ("tunnel", "vxlan")
    assert default["kube-proxy-replacement"] == "false"
    assert default["enable-host-legacy-routing"] == "true"
    assert default["enable-l7-proxy"] == "false"
    assert default["enable-hubble"] == "false"
    assert default["ipam"] == "kubernetes"
    assert default["cgroup-root"] == CGROUP_ROOT
    assert default["k8s-api-server-urls"] == "https://10.9.0.11:6443"
    assert native["routing-mode"] == "native"
    assert native["ipv4-native-routing-cidr"] == "10.244.0.0/16"
    assert native["auto-direct-node-routes"] == "true"
    replaced = data("without-kube-proxy")
    assert replaced["kube-proxy-replacement"] == "true"
    assert replaced["kube-proxy-replacement-healthz-bind-address"] == "0.0.0.0:10256"
    assert replaced["node-port-range"] == "30000,32767"
    assert data("hubble")["enable-hubble"] == "true"


def test_chart_starts_no_containers_that_prepare_the_host(chart: Path) -> None:
    objects = rendered(chart, {})
    pod = find(objects, "DaemonSet", "cilium")["spec"]["template"]["spec"]
    names = [container["name"] for container in pod["initContainers"]]
    assert not {"mount-cgroup", "apply-sysctl-overwrites", "mount-bpf-fs"} & set(names)
    containers = [*pod["initContainers"], *pod["containers"]]
    assert not [item["name"] for item in containers if item.get("securityContext", {}).get("privileged")]
    operator = find(objects, "Deployment", "cilium-operator")["spec"]["template"]["spec"]
    used = {item["image"] for item in (*containers, *operator["containers"])}
    assert used == set(images_of("cilium", VERSION)), "without the digests of upstream's images"


def test_containers_have_the_capabilities_of_the_chart_but_one(chart: Path) -> None:
    wanted = yaml.safe_load((chart / "values.yaml").read_text())["securityContext"]["capabilities"]
    pod = find(rendered(chart, {}), "DaemonSet", "cilium")["spec"]["template"]["spec"]
    for container, key in (("cilium-agent", "ciliumAgent"), ("clean-cilium-state", "cleanCiliumState")):
        (context,) = (
            item["securityContext"]
            for item in (*pod["initContainers"], *pod["containers"])
            if item["name"] == container
        )
        assert {*context["capabilities"]["add"], "SYS_RESOURCE"} == set(wanted[key])


@pytest.fixture(scope="module", params=["default", "without-kube-proxy"])
def connected(request: pytest.FixtureRequest, state: Path, chart: Path) -> Iterator[Cluster]:
    """Yield a cluster of two hosts whose pods Cilium connects."""
    # `up` has a time limit, and the build of the images can take longer.
    build_images("cilium")
    slot = lab_slots.reserve("kwcil", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    options = OPTIONS[request.param] | {"chart": str(chart)}
    config[stackfile.CLUSTER]["network"] |= {"cni": "cilium", "cilium": options}
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.command("up", timeout=UP_SECONDS)
        cluster.wait_all_ready()
        cluster.wait_rollout(NAMESPACE, "daemonset/cilium", timeout=AGENT_SECONDS)
        yield cluster


@pytest.fixture(scope="module")
def net(connected: Cluster) -> Iterator[NetworkProof]:
    with network_proof(connected, "cilium", NODE_PORT, client="w-1") as proof:
        yield proof


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
    replaced = connected.config[stackfile.CLUSTER]["network"]["cilium"].get("kube_proxy_replacement", False)
    for name in connected.nodes:
        services = connected.services(name)
        assert ("kube-proxy.service" in services) is not replaced
        assert not {"flanneld.service", "kube-router.service"} & set(services)
        health = f"/usr/local/lib/kubewright/bin/kubectl --server=http://{connected.address(name)}:10256"
        connected.ssh(name, f"{health} --kubeconfig=/dev/null get --raw /healthz")


def test_policies_are_enforced_and_survive_a_restart_of_the_agent(
    connected: Cluster, net: NetworkProof
) -> None:
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
    connected.kubectl("rollout", "restart", "-n", NAMESPACE, "daemonset/cilium")
    connected.wait_rollout(NAMESPACE, "daemonset/cilium", timeout=AGENT_SECONDS)
    assert not answers()
    remove_policy()


def test_packet_filter_of_hosts_still_closes_ports_to_pods(connected: Cluster, net: NetworkProof) -> None:
    """The port of etcd is open to control planes only, and the port of the API to pods too."""
    for name in connected.nodes:
        assert "chain input" in connected.ssh(name, f"{NFT} list table inet kubewright").stdout
    etcd = f"nc -w 3 {connected.address('cp-1')} 2379 </dev/null"
    assert net.run_in_client(etcd, check=False).code != 0
    api = f"nc -w 3 {connected.address('cp-1')} 6443 </dev/null"
    assert net.run_in_client(api).code == 0


def test_changes_of_the_cni_are_refused_in_the_preview(connected: Cluster) -> None:
    network = connected.config[stackfile.CLUSTER]["network"]
    own = network["cilium"]
    with connected.edited_stack_file({"network": {"cilium": {**own, "routing_mode": "native"}}}):
        words = ["network.cilium.routing_mode: tunnel cannot become native", "create another cluster"]
        assert_readable(connected.command("preview", check=False), words)
