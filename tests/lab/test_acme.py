"""Lab test of issuers that speak ACME (`addons.cert_manager`), with an ACME server and a DNS server outside
of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from artifacts.cache import Cache
from testkit import acme_server, dns_zones, lab_slots, stackfile, tls_sites
from testkit.acme_server import AcmeServer
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.dns_zones import DnsZones
from testkit.state import removed_at_end
from testkit.wait import eventually

NAMESPACE = "shop"
EDGE = "e-1"
SITES, ZONE = "sites.example", "zone.example"
"""The issuer checks names in the first zone by HTTP, and names in the second zone by DNS."""
SITE, BRIEF_SITE, UNKNOWN_SITE, REFUSED_SITE = (
    f"{name}.{SITES}" for name in ("shop", "brief", "unknown", "refused")
)
INTERNAL_SITE = "intranet.example"
"""The DNS of the cluster knows this name, but that of the ACME server does not."""
KEY_NAME = "acme.zone.example"
SECRET = "bGFiLXRzaWcta2V5LW9mLWFjbWUtem9uZS0wMTIzNDU="
BRIEF = {"cert-manager.io/renew-before": "59m30s"}
"""The server issues certificates for an hour, so this certificate is renewed after 29 s."""
ISSUED = 180
"""Maximum time until a certificate is issued, in seconds. cert-manager repeats its own check every 10 s."""

# The first test builds Pebble and the images of cert-manager and Traefik, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Servers:
    """The servers outside of the cluster, and the PEM of the CA whose certificates the ACME server issues."""

    acme: AcmeServer
    zones: DnsZones
    root: str


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve("kwacme", state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    """Yield a cluster with an ingress that accepts connections of the ACME server and of pods only."""
    slot = lab_slots.reserve("kwacme", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=[EDGE])
    settings, machine = config[stackfile.CLUSTER], str(network[-2])
    settings["control_planes"]["schedulable"] = True
    settings["pools"] = {"edge": {"hosts": [EDGE], "taints": ["dedicated=ingress:NoSchedule"]}}
    # The machine with the servers is no machine of the cluster.
    settings["network"]["machines"] = [f"{network[8]}/29", f"{network[16]}/28"]
    settings["dns"] = {
        "stub_domains": {SITES: [machine], ZONE: [machine]},
        "hosts": {settings["metal"]["hosts"][EDGE]["address"]: [INTERNAL_SITE]},
    }
    settings["addons"] = {"cert_manager": {}, "ingress": {"pool": "edge", "sources": [f"{machine}/32"]}}
    build_images("cert-manager", "traefik")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        tls_sites.deploy_site(cluster, NAMESPACE)
        yield cluster


@pytest.fixture(scope="module")
def servers(
    cluster: Cluster, network: IPv4Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    """Yield the servers, with issuers of the cluster that use them. The first issuer works.

    The machine has the address of the servers since the first `up`.
    """
    program = acme_server.build_server(Cache.default())
    machine, edge = str(network[-2]), cluster.address(EDGE)
    names = {f"ns.{SITES}": machine, f"ns.{ZONE}": machine}
    names |= dict.fromkeys((SITE, BRIEF_SITE, REFUSED_SITE), edge)
    directories = [tmp_path_factory.mktemp(name) for name in ("knot", "zones", "acme")]
    dns = f"{machine}:{dns_zones.STANDARD_PORT}"
    with (
        dns_zones.serve_zones(
            dns_zones.unpack(directories[0]),
            directories[1],
            machine,
            (SITES, ZONE),
            key_name=KEY_NAME,
            secret=SECRET,
            records=names,
            port=dns_zones.STANDARD_PORT,
        ) as zones,
        acme_server.serve_acme(program, directories[2], machine, dns, refused=[REFUSED_SITE]) as acme,
    ):
        cluster.merge_settings({"addons": {"cert_manager": {"issuers": issuers(acme, machine)}}})
        cluster.up()
        yield Servers(acme, zones, acme.root())


def issuers(acme: AcmeServer, nameserver: str) -> dict[str, Any]:
    """Return the settings of an issuer that works, and of two issuers that cannot register an account."""
    common = {"server": acme.directory, "email": "ops@shop.example", "http01": {}}
    by_dns = {"nameserver": nameserver, "zones": [ZONE], "key_name": KEY_NAME, "secret": SECRET}
    unused = f"https://{nameserver}:{acme_server.PORT + 1}/dir"
    return {
        "public": {"acme": {**common, "server_ca": acme.authority, "rfc2136": by_dns}},
        "unreachable": {"acme": {**common, "server": unused, "server_ca": acme.authority}},
        "untrusted": {"acme": common},
    }


def request(cluster: Cluster, name: str, host: str, annotations: dict[str, str] | None = None) -> None:
    """Create an Ingress for a host, with a certificate of the issuer that works."""
    cluster.apply(tls_sites.ingress(NAMESPACE, name, host, issuer="public", annotations=annotations))


def wait_for_certificate(cluster: Cluster, servers: Servers, host: str) -> x509.Certificate:
    """Wait until a client that trusts the root of the ACME server gets a page. Return the certificate."""
    address = cluster.address(EDGE)
    return eventually(
        f"a certificate for {host}", lambda: tls_sites.served(address, host, servers.root), timeout=ISSUED
    )


def wait_for_reason(cluster: Cluster, reason: str) -> None:
    """Wait until the command in docs/workload-certificates.md shows why no certificate is issued."""
    kinds = "certificaterequests,orders,challenges"
    eventually(
        f"the reason {reason!r}",
        lambda: reason in cluster.kubectl("describe", kinds, "-n", NAMESPACE).stdout,
        timeout=ISSUED,
    )


def test_certificate_of_an_ingress_is_issued_after_a_challenge_by_http(
    cluster: Cluster, servers: Servers
) -> None:
    request(cluster, "web", SITE)
    certificate = wait_for_certificate(cluster, servers, SITE)
    assert tls_sites.dns_names(certificate) == [SITE]
    assert servers.acme.opened_pages(SITE), "the server did not open the page of the challenge"
    selector = "acme.cert-manager.io/http01-solver=true"
    eventually(
        "the objects of the challenge are deleted",
        lambda: not cluster.items("pods,services,ingresses", "-n", NAMESPACE, "-l", selector),
        timeout=60,
    )


def test_wildcard_is_issued_after_a_challenge_by_dns(cluster: Cluster, servers: Servers) -> None:
    request(cluster, "apps", f"*.{ZONE}")
    certificate = wait_for_certificate(cluster, servers, f"blog.{ZONE}")
    assert tls_sites.dns_names(certificate) == [f"*.{ZONE}"]
    eventually(
        "the record of the challenge is deleted",
        lambda: not servers.zones.lookup(f"_acme-challenge.{ZONE}", "TXT"),
        timeout=60,
    )


def test_renewed_certificate_has_a_new_challenge(cluster: Cluster, servers: Servers) -> None:
    before = tls_sites.traefik_pods(cluster)
    request(cluster, "brief", BRIEF_SITE, BRIEF)
    first = wait_for_certificate(cluster, servers, BRIEF_SITE)
    opened = servers.acme.opened_pages(BRIEF_SITE)

    def renewed() -> bool:
        serial = wait_for_certificate(cluster, servers, BRIEF_SITE).serial_number
        return serial != first.serial_number and servers.acme.opened_pages(BRIEF_SITE) > opened

    # The server compares a random number from 0 to 99 with `>`, so that one order of a hundred has no
    # challenge also with PEBBLE_AUTHZREUSE=0 (wfe/wfe.go). The order after it has one.
    eventually("another certificate, after another challenge", renewed, timeout=ISSUED)
    assert cluster.get("certificate", "-n", NAMESPACE, "brief-tls")["status"]["revision"] > 1
    assert tls_sites.traefik_pods(cluster) == before
    cluster.kubectl("delete", "ingress", "-n", NAMESPACE, "brief")


def test_name_that_does_not_resolve_is_the_reason_of_a_challenge(cluster: Cluster, servers: Servers) -> None:
    request(cluster, "unknown", UNKNOWN_SITE)
    wait_for_reason(
        cluster, f"failed to perform self check GET request 'http://{UNKNOWN_SITE}/.well-known/acme-challenge"
    )
    assert not servers.acme.opened_pages(UNKNOWN_SITE), "cert-manager did not wait for its own check"
    cluster.kubectl("delete", "ingress", "-n", NAMESPACE, "unknown")
    eventually(
        "the challenge is deleted",
        lambda: UNKNOWN_SITE not in str(cluster.items("challenges", "-n", NAMESPACE)),
        timeout=60,
    )


def test_failed_check_of_the_server_is_the_reason_of_a_challenge_and_can_be_repeated(
    cluster: Cluster, servers: Servers
) -> None:
    request(cluster, "intranet", INTERNAL_SITE)
    wait_for_reason(cluster, "Error accepting authorization")
    wait_for_reason(cluster, "could not resolve URL")
    before = servers.acme.opened_pages(INTERNAL_SITE)
    assert before
    # cert-manager would wait for an hour. It creates a missing Certificate of an Ingress at once.
    cluster.kubectl("delete", "certificate", "-n", NAMESPACE, "intranet-tls")
    eventually(
        "the server checks the name again",
        lambda: servers.acme.opened_pages(INTERNAL_SITE) > before,
        timeout=ISSUED,
    )


def test_name_that_the_server_refuses_is_the_reason_of_an_order(cluster: Cluster, servers: Servers) -> None:
    request(cluster, "refused", REFUSED_SITE)
    wait_for_reason(cluster, "issuance is forbidden by policy")
    assert not servers.acme.opened_pages(REFUSED_SITE)


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("unreachable", "connection refused"),
        ("untrusted", "certificate signed by unknown authority"),
    ],
)
@pytest.mark.usefixtures("servers")
def test_issuer_without_an_account_has_the_reason(cluster: Cluster, issuer: str, reason: str) -> None:
    """`up` does not wait for accounts. cert-manager tries again."""
    words = ("describe", "clusterissuer", issuer)
    eventually(reason, lambda: reason in cluster.kubectl(*words).stdout, timeout=60)


@pytest.mark.usefixtures("servers")
def test_unchanged_settings_change_nothing(cluster: Cluster) -> None:
    """cert-manager has added the state of the accounts to the issuers."""
    assert cluster.previewed_operations() == {}


def test_secret_of_the_key_is_not_in_previews_and_not_in_plain_state(
    cluster: Cluster, servers: Servers
) -> None:
    spare = {"spare": issuers(servers.acme, servers.zones.address)["public"]}
    with cluster.edited_stack_file({"addons": {"cert_manager": {"issuers": spare}}}):
        preview = cluster.preview().text
    assert servers.acme.directory in preview
    assert "caBundle" in preview
    for text in (preview, cluster.pulumi("stack", "export"), *cluster.outputs):
        assert SECRET not in text
