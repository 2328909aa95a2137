"""Lab test of the add-on that serves Ingress objects on a dedicated pool (`addons.ingress`)."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit import gateway_routes, ingress_client, lab_slots, pods, stackfile, tls_sites
from testkit.add_on_images import build_images
from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import RecordFigures
from testkit.state import removed_at_end
from testkit.wait import eventually

SITE = "shop.example"
NAMESPACE = "shop"
EDGES = ("e-1", "e-2")
AUTHORITY = issue_certificate("Test CA")
FIRST, SECOND = (issue_certificate(name, issuer=AUTHORITY, server=True) for name in ("first", "second"))
TLS = tls_sites.trusting_context(AUTHORITY)
INGRESS = tls_sites.ingress(NAMESPACE, "web", SITE)
"""An Ingress without a class: the cluster has a default class."""
ALLOWED = [("routes", "shared")]
"""Labels of namespaces whose routes the Gateway accepts."""
WITH_GATEWAY = {"addons": {"ingress": {"gateway_api": True, "gateway_namespaces": dict(ALLOWED)}}}
ROUTED_SITE = "routed.example"
BACKEND = gateway_routes.service_backend("web")

pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]


def default_certificate(issued: CertificateAndKey) -> dict[str, str]:
    """Return the setting `default_certificate`."""
    return {"certificate": issued.certificate_pem.decode(), "private_key": issued.key_pem.decode()}


@pytest.fixture(scope="module")
def edge(state: Path) -> Iterator[Cluster]:
    """Yield a cluster with an ingress pool of two nodes, and a site on its worker."""
    slot = lab_slots.reserve("kwedge", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", *EDGES])
    settings, prefix = config[stackfile.CLUSTER], slot.network.rpartition(".")[0]
    settings["pools"] = {
        "workers": {"hosts": ["w-1"]},
        "edge": {"hosts": list(EDGES), "taints": ["dedicated=ingress:NoSchedule"]},
    }
    # The clients of this test, at the first address of the network, are no machines of the cluster.
    settings["network"]["machines"] = [f"{prefix}.8/29", f"{prefix}.16/28"]
    settings["addons"] = {
        "ingress": {
            "pool": "edge",
            "sources": ["0.0.0.0/0"],
            "default_certificate": default_certificate(FIRST),
        }
    }
    build_images("traefik")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        tls_sites.deploy_site(cluster, NAMESPACE, replicas=2)
        cluster.apply(INGRESS)
        yield cluster


def edge_addresses(cluster: Cluster) -> list[str]:
    """Return the addresses that a DNS name of the site would have."""
    return [cluster.address(name) for name in EDGES]


def is_open(address: str, port: int) -> bool:
    """Return whether a request to a port gets an answer or a refusal, and not a time-out."""
    try:
        ingress_client.request(address, port, SITE)
    except ConnectionRefusedError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    return True


def test_site_answers_on_each_node_of_the_pool(edge: Cluster) -> None:
    names = {pod["metadata"]["name"] for pod in edge.pods(NAMESPACE)}
    for address in edge_addresses(edge):

        def answers(address: str = address) -> bool:
            try:
                return ingress_client.request(address, 80, SITE).text in names
            except OSError:
                return False

        eventually(f"{SITE} at {address}", answers, timeout=60, interval=1)
        secure = ingress_client.request(address, 443, SITE, TLS)
        assert secure.text in names
        assert secure.certificate == FIRST.certificate_pem.decode()
        for port, context in ((80, None), (443, TLS)):
            assert ingress_client.request(address, port, "other.example", context).status == 404
    for name in ("cp-1", "w-1"):
        for port in (80, 443, 8000, 8080):
            assert not is_open(edge.address(name), port), f"{name} accepts packets to port {port}"
    assert edge.previewed_operations() == {}


def test_pods_of_the_ingress_are_closed_except_for_clients(edge: Cluster) -> None:
    (address, *_) = (pod["status"]["podIP"] for pod in edge.pods("traefik"))
    probe = pods.pod(NAMESPACE, "probe", pods.spec(pods.container("exec sleep 100000")))
    edge.apply(probe)
    edge.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/probe")
    for port, expected in ((8000, 0), (8443, 0), (8080, 1)):
        command = f"nc -w 3 {address} {port} </dev/null"
        assert edge.run_in_pod(NAMESPACE, "probe", command, check=False).code == expected, f"port {port}"


def test_changes_of_the_pool_lose_no_request(edge: Cluster, record_figures: RecordFigures) -> None:
    """A client sends five requests a second while nodes change, pods are replaced, and nodes are drained."""
    with ingress_client.client(edge_addresses(edge), SITE, TLS) as requests:
        changes: dict[str, dict[str, Any]] = {
            "kubelets": {"pools": {"edge": {"kubelet": {"max_pods": 90}}}},
            "certificate": {"addons": {"ingress": {"default_certificate": default_certificate(SECOND)}}},
        }
        for step, change in changes.items():
            edge.merge_settings(change)
            began = time.monotonic()
            edge.up()
            record_figures(step=step, up=round(time.monotonic() - began, 1))
        for name in EDGES:
            began = time.monotonic()
            edge.kubectl("drain", name, "--ignore-daemonsets", "--timeout=120s", timeout=130)
            edge.kubectl("uncordon", name)
            # The disruption budget refuses the next drain until this pod is ready.
            edge.wait_rollout("traefik", "deployment/traefik")
            record_figures(step=f"drain {name}", seconds=round(time.monotonic() - began, 1))
        time.sleep(2)
    record_figures(
        answered=requests.answered,
        lost=len(requests.lost),
        not_found=requests.not_found,
        refused_connections=requests.refused_connections,
    )
    assert requests.answered > 100
    assert requests.lost == []
    # Host ports do not wait for the readiness of their pod: two pods start twice, each in less than 2 s.
    assert requests.not_found <= 4 * 2 / ingress_client.PERIOD / len(EDGES)
    for address in edge_addresses(edge):
        answer = ingress_client.request(address, 443, SITE, TLS)
        assert answer.certificate == SECOND.certificate_pem.decode()


def page(cluster: Cluster, host: str) -> tuple[int, str]:
    """Return the status and the text of a site over HTTP; (0, …) without an answer."""
    try:
        answer = ingress_client.request(cluster.address(EDGES[0]), 80, host)
    except OSError as error:
        return 0, str(error)
    return answer.status, answer.text


def test_routes_are_served_beside_ingress_objects(edge: Cluster, record_figures: RecordFigures) -> None:
    """A client of an Ingress loses no request while the Gateway API is added."""
    edge.apply(pods.namespace(NAMESPACE, ALLOWED))
    with ingress_client.client(edge_addresses(edge), SITE, TLS) as requests:
        edge.merge_settings(WITH_GATEWAY)
        edge.up()
        edge.apply(gateway_routes.http_route(NAMESPACE, "web", ROUTED_SITE, BACKEND))
        names = {pod["metadata"]["name"] for pod in edge.pods(NAMESPACE, "app=web")}
        for address in edge_addresses(edge):
            for port, tls in ((80, None), (443, TLS)):

                def answers(address: str = address, port: int = port, tls: Any = tls) -> bool:  # noqa: ANN401
                    return ingress_client.request(address, port, ROUTED_SITE, tls).text in names

                eventually(f"{ROUTED_SITE} at {address}:{port}", answers, timeout=60)
    record_figures(step="gateway", answered=requests.answered, lost=len(requests.lost))
    assert requests.lost == []
    for kind in ("Accepted", "ResolvedRefs"):
        assert gateway_routes.conditions(edge, NAMESPACE, "web")[kind][0] == "True"
    [gateway] = edge.items("gateways", "-A")
    for listener in gateway["status"]["listeners"]:
        assert listener["attachedRoutes"] == 1, listener
        assert {item["status"] for item in listener["conditions"]} == {"True"}
    assert edge.previewed_operations() == {}


def test_namespaces_are_separated_unless_they_agree(edge: Cluster) -> None:
    """A namespace needs the labels in the settings, and the permission of the owner of a service."""
    backend = gateway_routes.service_backend("web", namespace=NAMESPACE)
    edge.apply(pods.namespace("blog"), gateway_routes.http_route("blog", "web", "blog.example", backend))

    def condition(kind: str) -> tuple[str, str, str]:
        return gateway_routes.conditions(edge, "blog", "web").get(kind, ("", "", ""))

    def reason(kind: str, expected: str) -> None:
        eventually(f"{kind}: {expected}", lambda: condition(kind)[1] == expected, timeout=30)

    reason("Accepted", "NotAllowedByListeners")
    assert page(edge, "blog.example")[0] == 404
    edge.apply(pods.namespace("blog", ALLOWED))
    reason("Accepted", "Accepted")
    reason("ResolvedRefs", "RefNotPermitted")
    eventually("an error page", lambda: page(edge, "blog.example")[0] == 500, timeout=30)
    # The services of Ingress objects have these names in Traefik.
    service = {"group": "traefik.io", "kind": "TraefikService", "name": f"shop-web-{pods.PORT}@kubernetes"}
    edge.apply(gateway_routes.http_route("blog", "web", "blog.example", service))
    eventually("a refusal", lambda: "crossProviderNamespaces" in condition("ResolvedRefs")[2], timeout=30)
    assert page(edge, "blog.example")[0] == 500
    edge.apply(
        gateway_routes.http_route("blog", "web", "blog.example", backend),
        gateway_routes.reference_grant(NAMESPACE, "blog", from_namespace="blog"),
    )
    eventually("the page", lambda: page(edge, "blog.example")[0] == 200, timeout=30)


def test_editors_of_a_namespace_change_routes_but_no_gateways(edge: Cluster) -> None:
    account = f"system:serviceaccount:{NAMESPACE}:default"
    words = ("--clusterrole=edit", f"--serviceaccount={NAMESPACE}:default")
    edge.kubectl("create", "rolebinding", "editor", "-n", NAMESPACE, *words)

    def may(verb: str, kind: str) -> bool:
        kind = f"{kind}.gateway.networking.k8s.io"
        return not edge.kubectl(
            "auth", "can-i", verb, kind, "-n", NAMESPACE, "--as", account, check=False
        ).code

    eventually("editors change routes", lambda: may("create", "httproutes"), timeout=30)
    assert may("list", "gateways")
    assert not may("create", "gateways")


def test_removed_gateway_api_keeps_routes_and_ingress_objects(edge: Cluster) -> None:
    before = edge.get("httproute", "-n", NAMESPACE, "web")["metadata"]["uid"]
    with ingress_client.client(edge_addresses(edge), SITE, TLS) as requests:
        keys = dict.fromkeys(WITH_GATEWAY["addons"]["ingress"], stackfile.DELETE)
        edge.merge_settings({"addons": {"ingress": keys}})
        edge.up()
        eventually("no route", lambda: page(edge, ROUTED_SITE)[0] == 404, timeout=30)
    assert requests.lost == []
    assert page(edge, SITE)[0] == 200
    assert edge.get("httproute", "-n", NAMESPACE, "web")["metadata"]["uid"] == before
    for kind in ("gateways", "gatewayclasses"):
        assert edge.items(kind, "-A") == []
    assert edge.previewed_operations() == {}
    edge.merge_settings(WITH_GATEWAY)
    edge.up()
    eventually("the route", lambda: page(edge, ROUTED_SITE)[0] == 200, timeout=60)
    assert edge.get("httproute", "-n", NAMESPACE, "web")["metadata"]["uid"] == before


def test_sources_limit_clients(edge: Cluster) -> None:
    edge.merge_settings({"addons": {"ingress": {"sources": ["192.0.2.0/24"]}}})
    edge.up()
    for address in edge_addresses(edge):
        for port in (80, 443):
            assert not is_open(address, port), f"{address} accepts packets of this client to port {port}"
    # Option -T makes the wget of Debian's static busybox fail.
    script = f"timeout 10 wget -q -O - --header 'Host: {SITE}' http://{edge.address(EDGES[0])}/"
    assert edge.run_in_pod(NAMESPACE, "probe", script).stdout.startswith("web-")


def test_removed_settings_remove_the_add_on(edge: Cluster) -> None:
    edge.merge_settings({"addons": stackfile.DELETE})
    edge.up()
    assert "traefik" not in [item["metadata"]["name"] for item in edge.items("namespaces")]
    assert edge.items("httproutes", "-n", NAMESPACE), "a removed add-on deletes no routes"
    for kind in ("ingressclasses", "clusterroles", "clusterrolebindings"):
        assert not [item for item in edge.items(kind) if "traefik" in item["metadata"]["name"]]
    assert not [
        node for node in edge.items("nodes") if "kubewright.dev/ingress" in node["metadata"]["labels"]
    ]
    assert not any(is_open(address, port) for address in edge_addresses(edge) for port in (80, 443))
    for name in EDGES:
        ruleset = edge.ssh(name, "cat /etc/kubewright/firewall.nft").stdout
        assert "ingress" not in ruleset
        assert "prerouting" not in ruleset
    assert edge.previewed_operations() == {}
