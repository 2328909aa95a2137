"""Lab tests of services of type LoadBalancer: addresses by ARP and by BGP, lost nodes, removal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from components.addons import metallb
from nodeconfig.host_paths import NETFILTER
from testkit import bgp_router, lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.bgp_router import BgpRouter
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import RecordFigures
from testkit.http_client import Requests, client_on_host
from testkit.process import CommandFailed
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.metallb import NAMESPACE as METALLB
from topology.ports import MEMBERLIST_PORT

NAMESPACE = "balanced"
ROUTER = "router"
NODES_ASN = 64513
EDGE = "198.51.100.0/28"
"""Addresses that only BGP announces (RFC 5737)."""
MAX_GAP = 10
"""Maximum time without an answer after the loss of a node, in seconds."""
LOST_SECONDS = 20
"""Seconds for which a node is disconnected: shorter than the time after which its pods are replaced."""

# The first test builds the images of MetalLB, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve("kwlb", state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    """Yield a cluster with two workers and a host outside of it. Servers run on the control plane, so that
    a lost worker takes no server with it.
    """
    slot = lab_slots.reserve("kwlb", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"])
    config[stackfile.CLUSTER]["addons"] = {"load_balancer": section(network)}
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        build_images("metallb")
        cluster.up()
        cluster.boot_empty_host(ROUTER, str(network[31]))
        cluster.apply(pods.namespace(NAMESPACE))
        server = pods.spec(pods.serving_container(), **pods.on_node("cp-1"))
        cluster.apply(pods.deployment(NAMESPACE, "web", 1, server))
        cluster.wait_rollout(NAMESPACE, "deployment/web")
        wait_for_speakers(cluster)
        yield cluster


@pytest.fixture(scope="module")
def router(
    cluster: Cluster, network: IPv4Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BgpRouter]:
    program = bgp_router.unpack(tmp_path_factory.mktemp("bird"))
    router = BgpRouter(cluster.name, ROUTER, cluster.address(ROUTER))
    with bgp_router.bgp_router(program, router, network, NODES_ASN):
        yield router


def section(network: IPv4Network) -> dict[str, Any]:
    """Return the settings of a pool for ARP, one for services that name it, and one for BGP."""
    return {
        "asn": NODES_ASN,
        "pools": {
            "public": {"addresses": [f"{network[240]}-{network[247]}"]},
            "reserved": {"addresses": [f"{network[250]}-{network[250]}"], "automatic": False},
            "edge": {"addresses": [EDGE], "announce": "bgp", "automatic": False},
        },
        "peers": {"router": {"address": str(network[31]), "asn": bgp_router.ASN}},
    }


def test_service_gets_an_address_that_hosts_reach(cluster: Cluster, network: IPv4Network) -> None:
    address = create_service(cluster, "first")
    assert address in {str(network[number]) for number in range(240, 248)}
    assert answers(cluster, address), "a host outside of the cluster does not reach the address"
    assert page(address).startswith("web-"), "this machine does not reach the address"


def test_service_that_names_a_pool_gets_its_address(cluster: Cluster, network: IPv4Network) -> None:
    assert create_service(cluster, "named", pool="reserved") == str(network[250])
    assert page(str(network[250])).startswith("web-")


def test_source_ranges_of_a_service_are_enforced(cluster: Cluster) -> None:
    router = cluster.address(ROUTER)
    address = create_service(cluster, "limited", loadBalancerSourceRanges=[f"{router}/32"])
    assert answers(cluster, address)
    with pytest.raises(OSError, match=r"timed out|refused"):
        page(address)


def test_server_sees_the_client_with_local_traffic_policy(cluster: Cluster) -> None:
    """The control plane takes no traffic of services, so the server of this test runs on a worker."""
    script = f"{pods.SERVE_COMMAND} -vv"
    server = pods.spec(pods.container(script, readinessProbe=pods.PROBE), **pods.on_node("w-1"))
    cluster.apply(pods.deployment(NAMESPACE, "local", 1, server))
    cluster.wait_rollout(NAMESPACE, "deployment/local")
    address = create_service(cluster, "local", app="local", externalTrafficPolicy="Local")
    assert answers(cluster, address)
    assert announcer(cluster, "local") == "w-1"
    log = cluster.kubectl("logs", "-n", NAMESPACE, "deployment/local").text
    assert cluster.address(ROUTER) in log, "the server saw another address than that of the client"


def test_address_answers_again_after_its_node_is_lost(
    cluster: Cluster, record_figures: RecordFigures
) -> None:
    address = create_service(cluster, "moved")
    lost = announcer(cluster, "moved")
    assert lost in cluster.workers, "a control plane announces the address"
    requests = requests_while_lost(cluster, lost, address)
    record_figures(node=lost, **requests.__dict__)
    assert requests.failed > 0, "the client did not use the lost node"
    assert requests.longest_gap < MAX_GAP


def test_router_learns_an_address_from_every_worker_and_a_lost_node_is_left_out(
    cluster: Cluster, router: BgpRouter, record_figures: RecordFigures
) -> None:
    address = create_service(cluster, "edge", pool="edge")
    workers = {cluster.address(name): name for name in cluster.workers}
    eventually(
        f"routes to {address} by {workers}",
        lambda: router.next_hops(address) == set(workers),
        timeout=180,  # MetalLB tries again after at most two minutes
    )
    lost = workers[router.used_hop(address)]
    requests = requests_while_lost(cluster, lost, address)
    record_figures(node=lost, **requests.__dict__)
    assert requests.failed > 0, "the router did not use the lost node"
    assert requests.longest_gap < MAX_GAP


def test_change_of_the_speakers_breaks_only_connections_of_a_moved_address(
    cluster: Cluster, router: BgpRouter, record_figures: RecordFigures
) -> None:
    """Replace the speaker of each node. An address by ARP moves when the speaker of its node ends."""
    addresses = {"l2": create_service(cluster, "steady"), "bgp": create_service(cluster, "edge", pool="edge")}
    eventually(
        f"routes to {addresses['bgp']} by all workers",
        lambda: len(router.next_hops(addresses["bgp"])) == len(cluster.workers),
        timeout=180,
    )
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(client_on_host(cluster.name, ROUTER, f"http://{address}:{pods.PORT}/"))
            for name, address in addresses.items()
        }
        time.sleep(2)
        began = time.monotonic()
        cluster.kubectl("rollout", "restart", "-n", METALLB, "daemonset/speaker")
        wait_for_speakers(cluster)
        duration = round(time.monotonic() - began, 1)
        time.sleep(10)
        results = {name: client.stop() for name, client in clients.items()}
    for name, requests in results.items():
        record_figures(announced=name, duration=duration, **requests.__dict__)
        assert requests.answered > 5 * duration / 2, f"{name}: the client did not run during the change"
    assert results["bgp"].failed == 0
    assert results["l2"].failed <= 2 * len(cluster.nodes)


def test_changed_range_is_one_changed_object(cluster: Cluster, network: IPv4Network) -> None:
    assert cluster.previewed_operations() == {}
    addresses = f"{network[240]}-{network[248]}"
    change = {"pools": {"public": {"addresses": [addresses]}}}
    with cluster.edited_stack_file({"addons": {"load_balancer": change}}):
        assert cluster.previewed_operations() == {"metallb-ipaddresspool-public": "update"}
        assert addresses in cluster.preview().stdout


def test_removed_lines_remove_everything(cluster: Cluster) -> None:
    with cluster.temporary_settings({"addons": stackfile.DELETE}):
        cluster.up()
        names = [item["metadata"]["name"] for item in cluster.items("namespaces")]
        assert METALLB not in names
        definitions = [item["metadata"]["name"] for item in cluster.items("customresourcedefinitions")]
        assert not [name for name in definitions if name.endswith(".metallb.io")]
        roles = [item["metadata"]["name"] for item in cluster.items("clusterroles")]
        assert not [name for name in roles if name.startswith(METALLB)]
        rules = cluster.ssh("w-1", f"{NETFILTER}/nft list table inet kubewright").stdout
        assert str(MEMBERLIST_PORT) not in rules
        labels = cluster.get("node", "cp-1")["metadata"]["labels"]
        assert "node.kubernetes.io/exclude-from-external-load-balancers" not in labels
        assert cluster.previewed_operations() == {}
    wait_for_speakers(cluster)


def test_definitions_are_those_of_the_module(tmp_path: Path) -> None:
    item = binary("metallb-controller")
    module = gobuild.module_source(
        item.component.go_module, item.module, tmp_path, Cache.default(), Progress(quiet=True)
    )
    manifest = (module / "config/manifests/metallb-native.yaml").read_text()

    def definitions(text: str) -> list[Any]:
        documents = filter(None, yaml.safe_load_all(text))
        return [item for item in documents if item["kind"] == "CustomResourceDefinition"]

    assert definitions(metallb._DEFINITIONS.read_text()) == definitions(manifest)


def wait_for_speakers(cluster: Cluster) -> None:
    cluster.wait_rollout(METALLB, "deployment/controller")
    cluster.wait_rollout(METALLB, "daemonset/speaker", timeout=180)


def create_service(cluster: Cluster, name: str, *, app: str = "web", pool: str = "", **spec: object) -> str:
    """Create a service of type LoadBalancer for the pods of `app`. Return its address."""
    service = pods.service(NAMESPACE, name)
    service["metadata"]["annotations"] = {"metallb.io/address-pool": pool} if pool else {}
    service["spec"] |= {"type": "LoadBalancer", "selector": {"app": app}, **spec}
    cluster.apply(service)

    def address() -> str:
        status = cluster.get("service", "-n", NAMESPACE, name)["status"]["loadBalancer"]
        return str(next((item["ip"] for item in status.get("ingress", ())), ""))

    return eventually(f"an address of the service {name}", address, timeout=30)


def announcer(cluster: Cluster, service: str) -> str:
    """Return the name of the node that answers ARP requests for the address of a service."""

    def node() -> str:
        statuses = cluster.items("servicel2statuses.metallb.io", "-n", METALLB)
        nodes = [item["status"]["node"] for item in statuses if item["status"].get("serviceName") == service]
        return nodes[0] if len(nodes) == 1 else ""

    return eventually(f"one node announces {service}", node, timeout=30)


def page(address: str) -> str:
    """Return the page of a server from this machine."""

    def fetch() -> str:
        with urlopen(f"http://{address}:{pods.PORT}/", timeout=3) as response:
            return str(response.read().decode())

    return _retried(fetch)


def _retried(fetch: Callable[[], str], attempts: int = 3) -> str:
    """Call a function again after an error: the node can be learning that it announces the address."""
    for _ in range(attempts - 1):
        try:
            return fetch()
        except OSError:
            time.sleep(2)
    return fetch()


def answers(cluster: Cluster, address: str) -> bool:
    """Check whether the host outside of the cluster gets answers."""
    with client_on_host(cluster.name, ROUTER, f"http://{address}:{pods.PORT}/") as client:
        time.sleep(5)
        return client.stop().answered > 0


def requests_while_lost(cluster: Cluster, node: str, address: str) -> Requests:
    """Return the requests of a client while a node is disconnected and after it has returned."""
    with client_on_host(cluster.name, ROUTER, f"http://{address}:{pods.PORT}/") as client:
        time.sleep(5)
        cluster.disconnect_host(node)
        try:
            time.sleep(LOST_SECONDS)
        finally:
            cluster.connect_host(node)
        time.sleep(10)
        requests = client.stop()
    cluster.wait_all_ready()
    try:
        wait_for_speakers(cluster)
    except CommandFailed as failure:
        raise AssertionError(f"{node} did not recover: {failure}") from None
    return requests
