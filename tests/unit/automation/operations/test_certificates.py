"""The report of certificates: the state joined with what hosts have."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from testkit.bundles import cluster

from automation.operations.certificates import Row, from_state, joined, table
from automation.operations.remote import Answer
from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from testkit import pki

SECRETS = pki.secrets(cluster())
NOW = datetime.now(UTC)


def state(*names: str, secret: bool = False) -> dict[str, object]:
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


def answer(host: str, **files: str) -> Answer:
    return Answer(host, 0, "".join(f"= {path}\n{text}" for path, text in files.items()), "")


@pytest.mark.parametrize("secret", [False, True])
def test_certificates_come_from_the_state_by_their_names(secret: bool) -> None:
    found = from_state(state("kubernetes-ca", "admin", secret=secret))
    assert set(found) == {"kubernetes-ca", "admin"}
    assert found["admin"].issuer == found["kubernetes-ca"].subject


def test_what_a_replacement_left_behind_does_not_count() -> None:
    given = state("admin")
    resources = given["deployment"]["resources"]  # type: ignore[index]
    resources[0]["delete"] = True
    assert from_state(given) == {}


def test_a_certificate_is_shown_with_the_hosts_that_have_it() -> None:
    known = from_state(state("kubernetes-ca", "kube-proxy", "admin"))
    both = SECRETS["kubernetes-ca.crt"] + SECRETS["kube-proxy.crt"]
    answers = {"w-1": answer("w-1", a=both), "w-2": answer("w-2", a=SECRETS["kube-proxy.crt"])}
    rows = {row.name: row for row in joined(known, answers)}
    assert rows["kube-proxy"].where == ("w-1", "w-2")
    assert rows["kubernetes-ca"].where == ("w-1",)
    assert rows["kubernetes-ca"].authority == "itself"
    assert rows["admin"].where == ()
    assert not any(row.note for row in rows.values())


def test_a_kubelets_own_certificate_is_expected_and_a_stranger_is_not() -> None:
    known = from_state(state("kubernetes-ca"))
    own, stranger = SECRETS["flannel.crt"], SECRETS["scheduler.crt"]
    files = {"/var/lib/kubelet/pki/kubelet-client-current.pem": own, "/etc/kubernetes/pki/x.crt": stranger}
    rows = {row.name: row for row in joined(known, {"w-1": answer("w-1", **files)})}
    assert rows["kubelet-client of w-1"].note == ""
    assert "is not the state's" in rows["/etc/kubernetes/pki/x.crt of w-1"].note


def test_the_table_names_what_ends_soon_and_who_did_not_answer() -> None:
    rows = [
        Row("late", "ca", NOW + timedelta(days=10, hours=1), ("cp-1",)),
        Row("fine", "ca", NOW + timedelta(days=300)),
    ]
    answers = {"w-9": Answer("w-9", 255, "", "No route to host", reached=False)}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(rows, answers, 30, NOW))
    text = console.export_text()
    assert "in fewer than 30 days: late" in text
    assert "w-9: not asked what it has: No route to host" in text
    assert "not on hosts" in text
    console.print(table(rows, {}, 5, NOW))
    assert "in fewer" not in console.export_text()
