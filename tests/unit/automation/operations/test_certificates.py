"""Tests of the certificate report, which joins the certificates of the state and of hosts."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from automation.operations.certificates import (
    CertificateRow,
    certificate_table,
    certificates_in_state,
    merge_rows,
)
from automation.operations.remote import ScriptResult
from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from testkit import pki
from testkit.bundles import cluster

SECRETS = pki.create_secrets(cluster())
NOW = datetime.now(UTC)


def exported_state(*names: str, secret: bool = False) -> dict[str, object]:
    def resource(name: str) -> dict[str, object]:
        kind = "self" if name.endswith("-ca") else "locally"
        pem: object = SECRETS[f"{name}.crt"]
        if secret:
            pem = {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(pem)}
        kind = "selfSignedCert:SelfSignedCert" if kind == "self" else "locallySignedCert:LocallySignedCert"
        return {
            "type": f"tls:index/{kind}",
            "urn": f"urn:pulumi:t::kubewright::x::cluster-pki-{name}",
            "outputs": {"certPem": pem},
        }

    return {"deployment": {"resources": [*map(resource, names), {"type": "other", "urn": "a::b"}]}}


def script_result(host: str, **files: str) -> ScriptResult:
    return ScriptResult(host, 0, "".join(f"= {path}\n{text}" for path, text in files.items()), "")


@pytest.mark.parametrize("secret", [False, True])
def test_state_certificates_have_their_names(secret: bool) -> None:
    certificates = certificates_in_state(exported_state("kubernetes-ca", "admin", secret=secret))
    assert set(certificates) == {"kubernetes-ca", "admin"}
    assert certificates["admin"].issuer == certificates["kubernetes-ca"].subject


def test_replaced_certificates_are_ignored() -> None:
    exported = exported_state("admin")
    resources = exported["deployment"]["resources"]  # type: ignore[index]
    resources[0]["delete"] = True
    assert certificates_in_state(exported) == {}


def test_rows_name_the_hosts_of_a_certificate() -> None:
    expected = certificates_in_state(exported_state("kubernetes-ca", "kube-proxy", "admin"))
    both = SECRETS["kubernetes-ca.crt"] + SECRETS["kube-proxy.crt"]
    results = {"w-1": script_result("w-1", a=both), "w-2": script_result("w-2", a=SECRETS["kube-proxy.crt"])}
    rows = {row.name: row for row in merge_rows(expected, results)}
    assert rows["kube-proxy"].hosts == ("w-1", "w-2")
    assert rows["kubernetes-ca"].hosts == ("w-1",)
    assert rows["kubernetes-ca"].authority == "self-signed"
    assert rows["admin"].hosts == ()
    assert not any(row.problem for row in rows.values())


def test_kubelet_certificate_is_expected_and_other_files_are_problems() -> None:
    expected = certificates_in_state(exported_state("kubernetes-ca"))
    kubelet, other = SECRETS["kube-proxy.crt"], SECRETS["scheduler.crt"]
    files = {"/var/lib/kubelet/pki/kubelet-client-current.pem": kubelet, "/etc/kubernetes/pki/x.crt": other}
    rows = {row.name: row for row in merge_rows(expected, {"w-1": script_result("w-1", **files)})}
    assert rows["kubelet-client of w-1"].problem == ""
    assert "not in the state" in rows["/etc/kubernetes/pki/x.crt of w-1"].problem


def test_damaged_file_is_named_and_other_files_are_shown() -> None:
    expected = certificates_in_state(exported_state("kube-proxy", "kubernetes-ca"))
    whole, path = SECRETS["kube-proxy.crt"], "/etc/kubernetes/pki/kubernetes-ca.crt"
    files = {"/etc/kubernetes/pki/a.crt": whole, path: SECRETS["kubernetes-ca.crt"][:200], "/b.crt": whole}
    results = {"cp-3": script_result("cp-3", **files)}
    rows = merge_rows(expected, results)
    assert {row.name: row.hosts for row in rows} == {"kube-proxy": ("cp-3",), "kubernetes-ca": ()}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(certificate_table(rows, results, 5, NOW))
    assert f"cp-3: certificate file {path} is damaged or truncated; run `repair" in console.export_text()


def test_table_names_expiring_certificates_and_unreachable_hosts() -> None:
    rows = [
        CertificateRow("late", "ca", NOW + timedelta(days=10, hours=1), ("cp-1",)),
        CertificateRow("fine", "ca", NOW + timedelta(days=300)),
    ]
    results = {"w-9": ScriptResult("w-9", 255, "", "No route to host", reached=False)}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(certificate_table(rows, results, 30, NOW))
    text = console.export_text()
    assert "expire in fewer than 30 days: late" in text
    assert "w-9: certificates not read: No route to host" in text
    assert "not on hosts" in text
    console.print(certificate_table(rows, {}, 5, NOW))
    assert "expire in fewer" not in console.export_text()
