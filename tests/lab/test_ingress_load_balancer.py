"""Lab test of the ingress behind a service of type LoadBalancer, with kube-proxy and with Cilium instead.

Where registries are refused, the first test builds the images, which takes long (docs/artifacts.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from testkit import ingress_client, lab_slots, stackfile, tls_sites
from testkit.add_on_images import build_images
from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.cilium_cluster import NAMESPACE as AGENTS
from testkit.cilium_cluster import OPTIONS, cilium_cluster, wait_for_agents
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import RecordFigures
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.ingress import NAMESPACE as TRAEFIK
from topology.metallb import NAMESPACE as METALLB

SITE = "shop.example"
NAMESPACE = "shop"
AUTHORITY = issue_certificate("Test CA")
FIRST, SECOND = (issue_certificate(name, issuer=AUTHORITY, server=True) for name in ("first", "second"))
TLS = tls_sites.trusting_context(AUTHORITY)
POOL = range(240, 248)
"""The numbers of the pool's addresses in the network of the lab."""
AFTERWARDS = 5
"""Seconds after the last change in which the client still sends requests."""

pytestmark = [pytest.mark.release, pytest.mark.timeout(2400)]


def ingress(default: CertificateAndKey) -> dict[str, Any]:
    """Return the settings of the ingress with a default certificate."""
    certificate = {"certificate": default.certificate_pem.decode(), "private_key": default.key_pem.decode()}
    return {"load_balancer": True, "sources": ["0.0.0.0/0"], "default_certificate": certificate}


@pytest.fixture(scope="module", params=["kube-proxy", "cilium"])
def balanced(request: pytest.FixtureRequest, state: Path) -> Iterator[Cluster]:
    """Yield a cluster of two nodes that announce addresses, with a site."""
    slot = lab_slots.reserve("kwbal", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    settings, network = config[stackfile.CLUSTER], IPv4Network(slot.network)
    settings["control_planes"]["schedulable"] = True
    addresses = f"{network[POOL[0]]}-{network[POOL[-1]]}"
    pools = {"public": {"addresses": [addresses]}}
    settings["addons"] = {"load_balancer": {"pools": pools}, "ingress": ingress(FIRST)}
    build_images("metallb", "traefik")
    if request.param == "cilium":
        running = cilium_cluster(slot.name, config, OPTIONS["without-kube-proxy"], state)
    else:
        running = removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT))
    with running as cluster:
        if request.param == "kube-proxy":
            cluster.up()
        tls_sites.deploy_site(cluster, NAMESPACE, replicas=2)
        cluster.apply(tls_sites.ingress(NAMESPACE, "web", SITE))
        cluster.wait_rollout(METALLB, "daemonset/speaker", timeout=180)
        yield cluster


def address(cluster: Cluster) -> str:
    """Return the address of the service of the ingress."""
    status = cluster.get("service", "-n", TRAEFIK, "traefik")["status"]["loadBalancer"]
    return str(next((item["ip"] for item in status.get("ingress", ())), ""))


def test_site_answers_at_the_address_of_the_service(balanced: Cluster) -> None:
    target = eventually("an address", lambda: address(balanced), timeout=60)
    network = IPv4Network(balanced.config[stackfile.LAB]["network"])
    assert target in {str(network[number]) for number in POOL}
    sites = {pod["metadata"]["name"] for pod in balanced.pods(NAMESPACE)}

    def answers() -> bool:
        try:
            return ingress_client.request(target, 80, SITE).text in sites
        except OSError:
            return False

    eventually(f"{SITE} at {target}", answers, timeout=60)
    secure = ingress_client.request(target, 443, SITE, TLS)
    assert secure.text in sites
    assert secure.certificate == FIRST.certificate_pem.decode()
    assert balanced.previewed_operations() == {}


def test_changes_lose_no_request(balanced: Cluster, record_figures: RecordFigures) -> None:
    """A client sends five requests a second while the pods of Traefik, the speakers and the agents are
    replaced one after another.
    """
    target = address(balanced)
    steps = {"ingress": _change_ingress, "speakers": _replace_speakers}
    if "cilium" in balanced.config[stackfile.CLUSTER]["network"]:
        steps["agents"] = _replace_agents
    lost = {}
    for step, change in steps.items():
        with ingress_client.client([target], SITE, TLS) as requests:
            began = time.monotonic()
            change(balanced)
            duration = round(time.monotonic() - began, 1)
            time.sleep(AFTERWARDS)
        lost[step] = requests.lost
        record_figures(
            step=step,
            duration=duration,
            answered=requests.answered,
            lost=len(requests.lost),
            not_found=requests.not_found,
            refused_connections=requests.refused_connections,
        )
        assert requests.answered > duration, f"{step}: the client did not run during the change"
        assert requests.not_found == 0, step
    assert not any(lost.values()), lost
    assert ingress_client.request(target, 443, SITE, TLS).certificate == SECOND.certificate_pem.decode()


def _change_ingress(cluster: Cluster) -> None:
    cluster.merge_settings({"addons": {"ingress": ingress(SECOND)}})
    cluster.up()
    cluster.wait_rollout(TRAEFIK, "deployment/traefik")


def _replace_speakers(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", "-n", METALLB, "daemonset/speaker")
    cluster.wait_rollout(METALLB, "daemonset/speaker", timeout=180)


def _replace_agents(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", "-n", AGENTS, "daemonset/cilium")
    wait_for_agents(cluster)
