"""Joins of machines on emulated Azure that an attacker writes."""

from __future__ import annotations

import base64
import itertools
import json

from cryptography.hazmat.primitives import serialization

from lab.cloud.azure.attestation import Attestation, document_content
from lab.cloud.azure.instances import machine_id
from lab.cloud.running import RunningMachine
from testkit.azure_joins import SUBSCRIPTION, TOKEN, JoinCloud, control_plane, join_name, nonce

_attempts = itertools.count(1)


def new_machines(azure: JoinCloud) -> tuple[list[str], str]:
    """Return the names of new machines, and what the program reports."""
    result = azure.call(control_plane(), "cloud_new_machines", "dev")
    assert result.returncode == 0, result.stderr
    return result.stdout.split(), result.stderr


def issuers(attestation: Attestation) -> str:
    """Return the certificate of the issuer of a signer in PEM."""
    return attestation.issuer.public_bytes(serialization.Encoding.PEM).decode()


def add_join(
    azure: JoinCloud,
    author: RunningMachine,
    document: bytes,
    *,
    owner: RunningMachine | None = None,
    machine: RunningMachine | None = None,
    certificates: str = "",
) -> None:
    """Write a join as `author`, for `owner`, with the path of `machine`."""
    join = {
        "token": TOKEN,
        "machine": (machine or owner or author).id,
        "document": base64.b64encode(document).decode(),
        "issuers": certificates or issuers(azure.attestation),
    }
    name = join_name(owner or author, next(_attempts))
    assert azure.write(author, name, json.dumps(join).encode()) == 201


def report_of_join(
    azure: JoinCloud,
    author: RunningMachine,
    document: bytes,
    *,
    owner: RunningMachine | None = None,
    machine: RunningMachine | None = None,
    certificates: str = "",
) -> str:
    """Write a join that proves nothing. Return what the program reports. Fail if it finds a new machine."""
    add_join(azure, author, document, owner=owner, machine=machine, certificates=certificates)
    found, report = new_machines(azure)
    assert found == [], f"joined: {found}"
    return report


def content(machine: RunningMachine, **changes: object) -> bytes:
    """Return the content of a document about a machine, with some other fields."""
    fields = document_content(machine_id(machine), SUBSCRIPTION, nonce(TOKEN))
    return json.dumps({**fields, **changes}).encode()
