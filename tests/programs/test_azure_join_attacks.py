"""Tests of attacks on the tokens of machines on Azure: joins that prove nothing.

The boot program runs with the real curl, openssl and Python.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from lab.cloud.azure.attestation import Attestation
from lab.cloud.azure.instances import machine_id
from testkit.azure_joins import SUBSCRIPTION, TOKEN, JoinCloud, control_plane, join_name, nonce, worker
from testkit.certificates import issue_certificate
from tests.programs.azure_attacks import add_join, content, issuers, new_machines, report_of_join

OTHER_TOKEN = "zzz999.0123456789abcdef"


def test_a_machine_cannot_join_as_another_machine(azure: JoinCloud) -> None:
    own = azure.document(worker(1), nonce(TOKEN))
    assert "that of another machine" in report_of_join(azure, worker(1), own, owner=worker(2))
    assert "another id" in report_of_join(azure, worker(1), own, machine=worker(2))


def test_document_of_another_token_is_no_proof(azure: JoinCloud) -> None:
    """Test a document that an attacker has seen, with a known token."""
    seen = azure.document(worker(2), nonce(OTHER_TOKEN))
    assert "that of another token" in report_of_join(azure, worker(1), seen, owner=worker(2))


def test_document_of_another_signer_is_no_proof(azure: JoinCloud) -> None:
    root = issue_certificate("root of an attacker")
    forger = Attestation.create(root.certificate, root.key, azure.metadata)
    forged = forger.sign_content(content(worker(2)))
    chain = issuers(forger) + root.certificate_pem.decode()
    report = report_of_join(azure, worker(1), forged, owner=worker(2), certificates=chain)
    assert "openssl verify" in report


def test_certificate_of_azure_beside_another_signer_is_no_proof(azure: JoinCloud) -> None:
    """Test the attack on SPIRE (https://github.com/spiffe/spire/pull/6998): the signer counts, not the first
    certificate in the document.
    """
    root = issue_certificate("root of an attacker")
    forger = Attestation.create(root.certificate, root.key, azure.metadata)
    forged = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content(worker(2)))
        .add_signer(forger.certificate, forger.key, hashes.SHA256())
        .add_certificate(azure.attestation.certificate)
        .add_certificate(azure.attestation.issuer)
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    assert "openssl verify" in report_of_join(azure, worker(1), forged, owner=worker(2))


def test_changed_document_is_no_proof(azure: JoinCloud) -> None:
    own = azure.document(worker(1), nonce(TOKEN))
    changed = own.replace(machine_id(worker(1)).encode(), machine_id(worker(2)).encode())
    assert changed != own
    assert "openssl cms" in report_of_join(azure, worker(1), changed, owner=worker(2))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subscriptionId": SUBSCRIPTION.replace("0", "1")}, "another subscription"),
        (
            {"timeStamp": {"createdOn": "01/02/20 03:04:05 -0000", "expiresOn": "01/02/20 09:04:05 -0000"}},
            "not valid",
        ),
        (
            {"timeStamp": {"createdOn": "01/02/68 03:04:05 -0000", "expiresOn": "01/02/68 09:04:05 -0000"}},
            "not valid",
        ),
        ({"timeStamp": {}}, "cannot be read"),
        ({"vmId": None}, "another machine"),
        ({"nonce": None}, "another token"),
    ],
)
def test_wrong_content_is_no_proof(azure: JoinCloud, changes: dict[str, object], reason: str) -> None:
    document = azure.attestation.sign_content(content(worker(1), **changes))
    assert reason in report_of_join(azure, worker(1), document)


@pytest.mark.parametrize(
    "name",
    ["metadata.azure.com.example", "notmetadata.azure.com", "x, DNS:metadata.azure.com", "metadata.azure.us"],
)
def test_another_certificate_of_a_trusted_authority_is_no_proof(azure: JoinCloud, name: str) -> None:
    signer = Attestation.create(azure.root.certificate, azure.root.key, azure.metadata, name)
    document = signer.sign_content(content(worker(1)))
    report = report_of_join(azure, worker(1), document, certificates=issuers(signer))
    assert "no name in metadata.azure.com" in report or "openssl verify" in report


@pytest.mark.parametrize(
    "name", ["metadata.azure.com", "*.metadata.azure.com", "WestEurope.Metadata.Azure.com"]
)
def test_names_in_the_domain_of_azure_are_accepted(azure: JoinCloud, name: str) -> None:
    signer = Attestation.create(azure.root.certificate, azure.root.key, azure.metadata, name)
    document = signer.sign_content(content(worker(1)))
    add_join(azure, worker(1), document, certificates=issuers(signer))
    assert new_machines(azure) == (["general-1-000001"], "")


def test_certificate_of_a_server_is_no_authority(azure: JoinCloud) -> None:
    """Test a signer that the owner of another certificate of a trusted authority has certified."""
    server = Attestation.create(azure.root.certificate, azure.root.key, azure.metadata, "example.com")
    forger = Attestation.create(server.certificate, server.key, azure.metadata)
    document = forger.sign_content(content(worker(2)))
    pem = server.certificate.public_bytes(serialization.Encoding.PEM).decode()
    chain = issuers(forger) + pem + issuers(server)
    assert "openssl verify" in report_of_join(azure, worker(1), document, owner=worker(2), certificates=chain)


def test_chain_to_the_authority_must_be_complete(azure: JoinCloud) -> None:
    document = azure.document(worker(1), nonce(TOKEN))
    assert "openssl verify" in report_of_join(azure, worker(1), document, certificates="none")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 60000,
        b"x" * 70000,
        b'{"token": 1, "machine": "", "document": "", "issuers": ""}',
    ],
)
def test_other_blobs_are_no_joins(azure: JoinCloud, data: bytes) -> None:
    azure.write(worker(2), join_name(worker(2)), data)
    azure.write(worker(2), "junk", data)
    assert azure.join(worker(1)).returncode == 0
    found, report = new_machines(azure)
    assert found == ["general-1-000001"]
    assert machine_id(worker(2)) in report
    # Each reason is reported once.
    assert new_machines(azure) == (["general-1-000001"], "")


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions/s/x",
        worker(1).id + "?x=",
        worker(1).id + "/../2",
        worker(1).id.replace("kubewright-dev", "other"),
        control_plane().id,
    ],
)
def test_machine_is_one_of_a_scale_set_of_the_cluster(azure: JoinCloud, path: str) -> None:
    document = azure.document(worker(1), nonce(TOKEN))
    other = replace(worker(1), id=path)
    assert "names no machine of a scale set" in report_of_join(azure, worker(1), document, machine=other)
