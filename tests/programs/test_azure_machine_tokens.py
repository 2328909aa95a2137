"""Tests of Azure's part of the boot program against the emulated Azure: tokens of machines.

The programs run with the real curl, openssl and Python. Machines have the roles that the program creates.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from urllib.error import HTTPError

import pytest

from lab.cloud.azure.attestation import Attestation
from lab.cloud.azure.instances import machine_id
from lab.cloud.azure.role_assignments import write_assignments
from lab.cloud.running import MachineStates
from testkit.azure_joins import LAB, TOKEN, JoinCloud, control_plane, join_name, started_before, worker
from tests.programs.azure_attacks import new_machines

OTHER_TOKEN = "zzz999.0123456789abcdef"
HOUR = 3600


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
