"""Tests of Azure's part of the boot program against the emulated Azure: tokens of machines, and attacks.

The programs run with the real curl, openssl and Python.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from lab.cloud.azure.attestation import Attestation
from lab.cloud.azure.instances import machine_id
from lab.cloud.azure.role_assignments import write_assignments
from lab.cloud.running import MachineStates, RunningMachine
from testkit.azure_joins import (
    LAB,
    SUBSCRIPTION,
    TOKEN,
    JoinCloud,
    control_plane,
    create_root,
    join_cloud,
    join_name,
    started_before,
    worker,
)

OTHER_TOKEN = "zzz999.0123456789abcdef"
HOUR = 3600


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JoinCloud]:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    with join_cloud(tmp_path) as cloud:
        for number in (1, 2):
            cloud.add(worker(number))
        yield cloud


def new_machines(azure: JoinCloud) -> tuple[list[str], str]:
    """Return the names of new machines, and what the program reports."""
    result = azure.call(control_plane(), "cloud_new_machines", "dev")
    assert result.returncode == 0, result.stderr
    return result.stdout.split(), result.stderr


def nonce(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def issuers(attestation: Attestation) -> str:
    return attestation.issuer.public_bytes(serialization.Encoding.PEM).decode()


def write_join(
    azure: JoinCloud,
    author: RunningMachine,
    document: bytes,
    *,
    owner: RunningMachine | None = None,
    machine: RunningMachine | None = None,
    token: str = TOKEN,
    certificates: str = "",
) -> str:
    """Write a join as `author`, for `owner`, with the path of `machine`. Return what the program reports."""
    join = {
        "token": token,
        "machine": (machine or owner or author).id,
        "document": base64.b64encode(document).decode(),
        "issuers": certificates or issuers(azure.attestation),
    }
    assert azure.write(author, join_name(owner or author), json.dumps(join).encode()) == 201
    found, report = new_machines(azure)
    assert found == []
    return report


def content(machine: RunningMachine, **changes: object) -> bytes:
    """Return the content of a document about a machine, with some other fields."""
    now = datetime.now(UTC)
    times = {"createdOn": now, "expiresOn": now + timedelta(hours=6)}
    fields: Mapping[str, object] = {
        "nonce": nonce(TOKEN),
        "subscriptionId": SUBSCRIPTION,
        "timeStamp": {key: when.strftime("%m/%d/%y %H:%M:%S -0000") for key, when in times.items()},
        "vmId": machine_id(machine),
    }
    return json.dumps({**fields, **changes}).encode()


def test_token_of_a_new_machine_reaches_the_control_planes(azure: JoinCloud) -> None:
    result = azure.join(worker(1))
    assert result.returncode == 0, result.stderr
    assert new_machines(azure) == (["general-1-000001"], "")
    assert azure.call(control_plane(), "cloud_token", "general-1-000001").stdout == f"{TOKEN}\n"
    assert azure.call(control_plane(), "cloud_token", "general-1-000002").returncode != 0
    assert TOKEN[7:] not in result.stdout + result.stderr
    assert not azure.run_file(worker(1), "join").exists()


def test_a_machine_that_starts_again_gives_a_new_token(azure: JoinCloud) -> None:
    azure.join(worker(1))
    new_machines(azure)
    # The store records whole seconds.
    container = re.compile("<Last-Modified>.*?</Last-Modified>")
    first = azure.request(control_plane(), "GET", "joins?restype=container&comp=list")[1]
    while True:
        assert azure.join(worker(1), OTHER_TOKEN).returncode == 0
        listed = azure.request(control_plane(), "GET", "joins?restype=container&comp=list")[1]
        if len(set(container.findall(listed))) > len(set(container.findall(first))):
            break
    assert new_machines(azure)[0] == ["general-1-000001"]
    assert azure.call(control_plane(), "cloud_token", "general-1-000001").stdout == f"{OTHER_TOKEN}\n"


def test_pools_add_joins_and_do_nothing_else_with_them(azure: JoinCloud) -> None:
    name = f"joins/{join_name(worker(1))}"
    assert azure.write(worker(1), join_name(worker(1)), b"first") == 201
    assert azure.write(worker(1), join_name(worker(1)), b"second") == 403
    assert azure.write(worker(2), join_name(worker(1)), b"second") == 403
    for method, path in (("GET", name), ("DELETE", name), ("GET", "joins?restype=container&comp=list")):
        assert azure.request(worker(1), method, path)[0] == 403
    assert azure.request(control_plane(), "GET", name) == (200, "first")
    assert azure.write(control_plane(), join_name(worker(2)), b"third") == 403


def test_only_control_planes_read_machines(azure: JoinCloud) -> None:
    path = f"{worker(1).id.lstrip('/')}?api-version=2024-07-01"
    assert azure.request(worker(1), "GET", path)[0] == 403
    status, text = azure.request(control_plane(), "GET", f"{path}&$expand=instanceView")
    assert status == 200
    assert json.loads(text)["properties"]["vmId"] == machine_id(worker(1))
    assert "instanceView" in json.loads(text)["properties"]
    assert "instanceView" not in json.loads(azure.request(control_plane(), "GET", path)[1])["properties"]
    other = path.replace("kubewright-dev", "other")
    assert azure.request(control_plane(), "GET", other)[0] == 403
    assert azure.request(control_plane(), "PATCH", path, b"{}")[0] == 403


def test_a_machine_cannot_join_as_another_machine(azure: JoinCloud) -> None:
    own = azure.document(worker(1), nonce(TOKEN))
    assert "that of another machine" in write_join(azure, worker(1), own, owner=worker(2))
    assert "another id" in write_join(azure, worker(1), own, machine=worker(2))


def test_document_of_another_token_is_no_proof(azure: JoinCloud) -> None:
    """Test a document that somebody has seen, with a token that the attacker knows."""
    seen = azure.document(worker(2), nonce(OTHER_TOKEN))
    assert "that of another token" in write_join(azure, worker(1), seen, owner=worker(2))


def test_document_of_another_signer_is_no_proof(azure: JoinCloud) -> None:
    root, key = create_root("root of an attacker")
    forger = Attestation.create(root, key, azure.metadata)
    forged = forger.sign_content(content(worker(2)))
    chain = issuers(forger) + root.public_bytes(serialization.Encoding.PEM).decode()
    report = write_join(azure, worker(1), forged, owner=worker(2), certificates=chain)
    assert "openssl verify" in report


def test_certificate_of_azure_beside_another_signer_is_no_proof(azure: JoinCloud) -> None:
    """Test the attack on SPIRE (https://github.com/spiffe/spire/pull/6998): the signer counts, not the first
    certificate in the document.
    """
    root, key = create_root("root of an attacker")
    forger = Attestation.create(root, key, azure.metadata)
    forged = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content(worker(2)))
        .add_signer(forger.certificate, forger.key, hashes.SHA256())
        .add_certificate(azure.attestation.certificate)
        .add_certificate(azure.attestation.issuer)
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    assert "openssl verify" in write_join(azure, worker(1), forged, owner=worker(2))


def test_changed_document_is_no_proof(azure: JoinCloud) -> None:
    own = azure.document(worker(1), nonce(TOKEN))
    changed = own.replace(machine_id(worker(1)).encode(), machine_id(worker(2)).encode())
    assert changed != own
    assert "openssl cms" in write_join(azure, worker(1), changed, owner=worker(2))


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
    assert reason in write_join(azure, worker(1), document)


@pytest.mark.parametrize(
    "name",
    ["metadata.azure.com.example", "notmetadata.azure.com", "x, DNS:metadata.azure.com", "metadata.azure.us"],
)
def test_another_certificate_of_a_trusted_authority_is_no_proof(azure: JoinCloud, name: str) -> None:
    signer = Attestation.create(azure.root, azure.root_key, azure.metadata, name)
    document = signer.sign_content(content(worker(1)))
    report = write_join(azure, worker(1), document, certificates=issuers(signer))
    assert "no name in metadata.azure.com" in report or "openssl verify" in report


@pytest.mark.parametrize(
    "name", ["metadata.azure.com", "*.metadata.azure.com", "WestEurope.Metadata.Azure.com"]
)
def test_names_in_the_domain_of_azure_are_accepted(azure: JoinCloud, name: str) -> None:
    signer = Attestation.create(azure.root, azure.root_key, azure.metadata, name)
    document = signer.sign_content(content(worker(1)))
    with pytest.raises(AssertionError, match="general-1-000001"):
        write_join(azure, worker(1), document, certificates=issuers(signer))


def test_chain_to_the_authority_must_be_complete(azure: JoinCloud) -> None:
    document = azure.document(worker(1), nonce(TOKEN))
    assert "openssl verify" in write_join(azure, worker(1), document, certificates="none")


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
    assert "names no machine of a scale set" in write_join(azure, worker(1), document, machine=other)


def test_only_running_and_new_machines_join(azure: JoinCloud) -> None:
    azure.add(started_before(worker(1), 3 * HOUR))
    azure.join(worker(1))
    assert "is not new" in new_machines(azure)[1]
    MachineStates.of(LAB).update(worker(2).id, lifecycle="Terminated")
    azure.join(worker(2))
    assert "does not run" in new_machines(azure)[1]
    MachineStates.of(LAB).remove(worker(2).id)


def test_machine_with_a_fresh_disk_is_new(azure: JoinCloud) -> None:
    azure.add(replace(started_before(worker(1), 3 * HOUR), reimaged=time.time()))
    azure.join(worker(1))
    assert new_machines(azure)[0] == ["general-1-000001"]


def test_azure_is_asked_again_after_a_minute(azure: JoinCloud) -> None:
    azure.join(worker(1))
    assert new_machines(azure)[0] == ["general-1-000001"]
    MachineStates.of(LAB).remove(worker(1).id)
    assert new_machines(azure)[0] == ["general-1-000001"]
    (known,) = azure.run_file(control_plane(), "joins").glob("*.json")
    known.write_text(json.dumps({**json.loads(known.read_text()), "asked": time.time() - 61}))
    found, report = new_machines(azure)
    assert found == []
    assert "Azure has no such machine" in report
    assert azure.call(control_plane(), "cloud_token", "general-1-000001").returncode != 0


def test_silent_azure_is_reported(azure: JoinCloud) -> None:
    azure.join(worker(1))
    write_assignments(LAB, [])
    result = azure.call(control_plane(), "cloud_new_machines", "dev")
    assert result.returncode != 0
    assert "Azure cannot be asked for new machines: <HTTPError 403" in result.stderr


def test_document_of_an_earlier_request_is_not_used(
    azure: JoinCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = Attestation.sign
    monkeypatch.setattr(
        Attestation, "sign", lambda self, machine, group, _: sign(self, machine, group, "1234567890")
    )
    result = azure.join(worker(1))
    assert result.returncode != 0
    assert "the signed document of an earlier request" in result.stderr
    assert new_machines(azure) == ([], "")


@pytest.mark.parametrize("text", ["0123456789", "a" * 32])
def test_metadata_service_signs_nonces_up_to_32_characters(azure: JoinCloud, text: str) -> None:
    assert text.encode() in azure.document(worker(1), text)


@pytest.mark.parametrize("text", ["a" * 33, "a-b"])
def test_metadata_service_refuses_other_nonces(azure: JoinCloud, text: str) -> None:
    with pytest.raises(HTTPError, match="400"):
        azure.document(worker(1), text)
