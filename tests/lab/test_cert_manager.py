"""Lab test of the add-on that issues certificates for workloads (`addons.cert_manager`), with an ingress."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from components.addons import cert_manager
from testkit import lab_slots, pods, stackfile, tls_sites
from testkit.add_on_images import build_images
from testkit.certificates import issue_certificate
from testkit.cluster import CHECKOUT, Cluster
from testkit.definitions import upstream_definitions, write_definitions
from testkit.state import removed_at_end
from testkit.tls_sites import traefik_pods
from testkit.wait import eventually
from topology.cert_manager import NAMESPACE as CERT_MANAGER
from topology.cert_manager import WEBHOOK

NAMESPACE = "shop"
SITE = "shop.example"
DEFAULT_SITE = "blog.apps.example"
"""A site whose Ingress has no certificate; the default certificate contains its name."""
EDGE = "e-1"
AUTHORITY = issue_certificate("Test CA")
SHORT = {"cert-manager.io/duration": "1h", "cert-manager.io/renew-before": "59m30s"}
"""The shortest life that cert-manager allows, renewed after 30 s."""

# The first test builds the images of cert-manager and Traefik, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster with a CA of this test, a CA of the program, and an ingress."""
    slot = lab_slots.reserve("kwcert", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", EDGE])
    settings, prefix = config[stackfile.CLUSTER], slot.network.rpartition(".")[0]
    settings["pools"] = {
        "workers": {"hosts": ["w-1"]},
        "edge": {"hosts": [EDGE], "taints": ["dedicated=ingress:NoSchedule"]},
    }
    # The clients of this test, at the first address of the network, are no machines of the cluster.
    settings["network"]["machines"] = [f"{prefix}.8/29", f"{prefix}.16/28"]
    authority = {
        "certificate": AUTHORITY.certificate_pem.decode(),
        "private_key": AUTHORITY.key_pem.decode(),
    }
    settings["addons"] = {
        "cert_manager": {"issuers": {"company": {"ca": authority}, "lab": {"generated_ca": {}}}},
        "ingress": {
            "pool": "edge",
            "sources": ["0.0.0.0/0"],
            "default_certificate": {"issuer": "lab", "names": ["*.apps.example"]},
        },
    }
    build_images("cert-manager", "traefik")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        tls_sites.deploy_site(cluster, NAMESPACE)
        yield cluster


def ingress(name: str, host: str, *, issuer: str = "", annotations: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Return an Ingress of the site, with a certificate of an issuer if it is given."""
    return tls_sites.ingress(NAMESPACE, name, host, issuer=issuer, annotations=annotations)


def served(cluster: Cluster, host: str, authority: str) -> x509.Certificate:
    """Return the certificate of a site, verified by a client that trusts an authority."""
    return tls_sites.served(cluster.address(EDGE), host, authority)


def generated_authority(cluster: Cluster) -> str:
    """Return the certificate of the CA that the program created."""
    secret = cluster.get("secret", "-n", CERT_MANAGER, "issuer-lab")
    return b64decode(secret["data"]["tls.crt"]).decode()


def test_annotated_ingress_gets_a_certificate_that_clients_trust(cluster: Cluster) -> None:
    cluster.apply(ingress("web", SITE, issuer="company"))
    trusted = AUTHORITY.certificate_pem.decode()
    certificate = eventually("a certificate of the CA", lambda: served(cluster, SITE, trusted), timeout=90)
    assert certificate.issuer == AUTHORITY.certificate.subject
    assert tls_sites.dns_names(certificate) == [SITE]
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        served(cluster, SITE, generated_authority(cluster))


def test_default_certificate_is_that_of_its_issuer(cluster: Cluster) -> None:
    cluster.apply(ingress("blog", DEFAULT_SITE))
    trusted = generated_authority(cluster)
    certificate = eventually(
        "the default certificate", lambda: served(cluster, DEFAULT_SITE, trusted), timeout=90
    )
    assert tls_sites.dns_names(certificate) == ["*.apps.example"]
    assert cluster.previewed_operations() == {}


def test_renewed_certificate_is_served_without_a_restart(cluster: Cluster) -> None:
    cluster.apply(ingress("short", "short.example", issuer="company", annotations=SHORT))
    trusted, before = AUTHORITY.certificate_pem.decode(), traefik_pods(cluster)
    first = eventually("a short certificate", lambda: served(cluster, "short.example", trusted), timeout=90)
    assert (first.not_valid_after_utc - first.not_valid_before_utc).total_seconds() <= 3600

    def renewed() -> bool:
        return served(cluster, "short.example", trusted).serial_number != first.serial_number

    eventually("another certificate", renewed, timeout=120)
    assert cluster.get("certificate", "-n", NAMESPACE, "short-tls")["status"]["revision"] > 1
    assert traefik_pods(cluster) == before
    cluster.kubectl("delete", "ingress", "-n", NAMESPACE, "short")


def test_renewed_default_certificate_is_served_without_a_restart(cluster: Cluster) -> None:
    trusted, before = generated_authority(cluster), traefik_pods(cluster)
    first = served(cluster, DEFAULT_SITE, trusted)
    # cert-manager issues a certificate again when its Secret is missing.
    cluster.kubectl("delete", "secret", "-n", "traefik", "default-certificate")

    def renewed() -> bool:
        return served(cluster, DEFAULT_SITE, trusted).serial_number != first.serial_number

    eventually("another default certificate", renewed, timeout=120)
    assert traefik_pods(cluster) == before


def test_webhook_refuses_invalid_certificates(cluster: Cluster) -> None:
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"namespace": NAMESPACE, "name": "brief"},
        "spec": {
            "secretName": "brief",
            "duration": "30m",
            "dnsNames": [SITE],
            "issuerRef": {"kind": "ClusterIssuer", "name": "company"},
        },
    }
    result = cluster.kubectl("create", "-f", "-", stdin=json.dumps(certificate), check=False)
    assert result.code != 0
    assert "webhook.cert-manager.io" in result.text
    assert "spec.duration" in result.text


def test_ports_of_the_pods_are_closed_except_for_the_webhook(cluster: Cluster) -> None:
    probe = pods.pod(NAMESPACE, "probe", pods.spec(pods.container("exec sleep 100000")))
    cluster.apply(probe)
    cluster.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/probe")
    for name, port, is_open in (
        (WEBHOOK, 10250, True),
        (WEBHOOK, 6080, False),
        (CERT_MANAGER, 9402, False),
        (CERT_MANAGER, 9403, False),
    ):
        (address, *_) = (
            pod["status"]["podIP"] for pod in cluster.pods(CERT_MANAGER, f"app.kubernetes.io/name={name}")
        )
        result = cluster.run_in_pod(NAMESPACE, "probe", f"nc -w 3 {address} {port} </dev/null", check=False)
        assert (result.code == 0) == is_open, f"{name} port {port}: {result.text}"


def test_status_shows_the_workloads(cluster: Cluster) -> None:
    report = cluster.command("status").stdout
    for name in ("cert-manager", WEBHOOK):
        assert f"{CERT_MANAGER}/{name}" in report


def test_changed_issuer_is_one_changed_object(cluster: Cluster) -> None:
    change = {"cert_manager": {"issuers": {"spare": {"generated_ca": {"common_name": "Spare"}}}}}
    with cluster.edited_stack_file({"addons": change}):
        assert cluster.previewed_operations() == {
            "cert-manager-issuer-spare": "create",
            "cert-manager-secret-spare": "create",
            "cert-manager-spare-certificate": "create",
            "cert-manager-spare-key": "create",
        }
        assert "ClusterIssuer" in cluster.preview().stdout


def test_removed_settings_remove_the_add_on(cluster: Cluster) -> None:
    cluster.merge_settings({"addons": stackfile.DELETE})
    cluster.up()
    assert CERT_MANAGER not in [item["metadata"]["name"] for item in cluster.items("namespaces")]
    definitions = [item["metadata"]["name"] for item in cluster.items("customresourcedefinitions")]
    assert not [name for name in definitions if name.endswith("cert-manager.io")]
    for kind in (
        "clusterroles",
        "clusterrolebindings",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ):
        assert not [item for item in cluster.items(kind) if item["metadata"]["name"].startswith(CERT_MANAGER)]
    assert cluster.previewed_operations() == {}


def test_definitions_are_those_of_the_module_without_descriptions(tmp_path: Path) -> None:
    """With KUBEWRIGHT_UPDATE_TABLES=1, write the definitions of the version in the catalogue."""
    item = binary("cert-manager-controller")
    module = gobuild.module_source(
        item.component.go_module, item.module, tmp_path, Cache.default(), Progress(quiet=True)
    )
    documents = upstream_definitions((module / "deploy/crds").glob("*.yaml"))
    if os.environ.get("KUBEWRIGHT_UPDATE_TABLES"):
        write_definitions(cert_manager._DEFINITIONS, documents)
    assert json.loads(cert_manager._DEFINITIONS.read_text()) == documents
