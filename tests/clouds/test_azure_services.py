"""Tests of the emulated Azure, which allows and rejects requests that Debian's curl sends from a host."""

from __future__ import annotations

import json

import pytest

from lab.cloud.azure.role_assignments import Right, RoleAssignment, write_assignments
from lab.cloud.running import RunningMachine
from tests.clouds.azure import LOCATION, EmulatedAzure, MachineStart

CLIENT = "11111111-1111-1111-1111-111111111111"
OWN_IDENTITY = "/subscriptions/x/userAssignedIdentities/own"
LIBRARY = r"""
set -eu
code() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
meta() { curl -sf -H 'Metadata: true' "$METADATA/metadata/$1"; }
token() { meta "identity/oauth2/token?api-version=2018-02-01&resource=$1&client_id=$CLIENT" |
    sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p'; }
STORAGE=https%3A%2F%2Fstorage.azure.com%2F
blob() { token=$1; shift; printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -sS -K - -H 'x-ms-version: 2021-12-02' -w '\n%{http_code}\n' "$@"; }
"""


def running_machine(number: int) -> RunningMachine:
    return RunningMachine(
        id=f"/subscriptions/x/virtualMachines/vm-{number}",
        host=f"vm-{number}",
        address=f"10.122.0.{10 + number}",
        hostname=f"vm-{number}",
        zone="1",
        region=LOCATION,
        identity=CLIENT,
        identities={OWN_IDENTITY: CLIENT, "/subscriptions/x/userAssignedIdentities/policy": "2222"},
        group="",
    )


@pytest.fixture(scope="module")
def cloud(azure: EmulatedAzure) -> EmulatedAzure:
    azure.put("members/control-plane/vm-0/etcd.sh", "of 0\n")
    azure.put("pools/x", "of the pool\n")
    write_assignments(
        azure.lab,
        [
            RoleAssignment(CLIENT, Right.READ_BLOBS, "members"),
            RoleAssignment(CLIENT, Right.WRITE_BLOBS, "status"),
        ],
    )
    script = "#!/bin/sh\ntouch /root/ran\n"
    azure.launch(
        MachineStart(running_machine(0), script, (("disk-0", 1024**3),)),
        MachineStart(running_machine(1), script),
    )
    return azure


def run_on(azure: EmulatedAzure, command: str, host: str = "vm-0") -> str:
    head = f"METADATA={azure.metadata_url}\nSTORE={azure.url}\nCLIENT={CLIENT}\n"
    return azure.run(host, head + LIBRARY + command)


def status_code(azure: EmulatedAzure, command: str, host: str = "vm-0") -> str:
    return run_on(azure, command, host).splitlines()[-1]


def test_cloud_init_runs_the_custom_data_with_the_disk_attached(cloud: EmulatedAzure) -> None:
    cloud.run("vm-0", "cloud-init status --wait && test -e /root/ran")
    cloud.run("vm-0", "mkfs.ext4 -q /dev/disk/azure/data/by-lun/0 && test ! -e /dev/disk/azure/data/by-lun/1")


def test_metadata_service_describes_the_caller_and_requires_the_header(cloud: EmulatedAzure) -> None:
    metadata = json.loads(run_on(cloud, "meta 'instance?api-version=2021-02-01'"))
    assert metadata["compute"]["name"] == "vm-0"
    assert run_on(cloud, "meta 'instance/compute/zone?api-version=2021-02-01&format=text'") == "1"
    assert run_on(cloud, "code $METADATA/metadata/instance?api-version=2021-02-01") == "400"
    assert run_on(cloud, "code -H 'Metadata: true' $METADATA/metadata/instance") == "400"
    other = "identity/oauth2/token?api-version=2018-02-01&resource=x&client_id=22222222"
    assert run_on(cloud, f"code -H 'Metadata: true' \"$METADATA/metadata/{other}\"") == "400"


def test_machine_with_several_identities_must_name_one(cloud: EmulatedAzure) -> None:
    """A policy of a subscription can add identities to a machine."""
    address = '"$METADATA/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x"'
    assert run_on(cloud, f"code -H 'Metadata: true' {address}") == "400"
    named = address.replace("resource=x", f"resource=x&msi_res_id={OWN_IDENTITY}")
    assert json.loads(run_on(cloud, f"curl -sf -H 'Metadata: true' {named}"))["client_id"] == CLIENT


def test_identity_reads_and_writes_only_its_own_containers(cloud: EmulatedAzure) -> None:
    key = "$STORE/members/control-plane/vm-0/etcd.sh"
    assert run_on(cloud, f"blob $(token $STORAGE) {key}") == "of 0\n\n200"
    assert status_code(cloud, "blob $(token $STORAGE) $STORE/pools/x") == "403"
    assert status_code(cloud, "blob $(token https%3A%2F%2Fvault.azure.net) " + key) == "401"
    assert status_code(cloud, f"blob nothing {key}") == "401"
    write = "echo done >/tmp/s; blob $(token $STORAGE) -T /tmp/s -H 'x-ms-blob-type: BlockBlob'"
    assert status_code(cloud, f"{write} $STORE/status/vm-0") == "201"
    assert status_code(cloud, f"{write} $STORE/members/control-plane/vm-0/etcd.sh") == "403"
    assert cloud.get("status/vm-0") == "done\n"
    stolen = run_on(cloud, "token $STORAGE")
    assert status_code(cloud, f"blob {stolen} {key}", host="vm-1") == "403"


def test_termination_is_announced_and_confirmed(cloud: EmulatedAzure) -> None:
    assert json.loads(run_on(cloud, "meta 'scheduledevents?api-version=2020-07-01'"))["Events"] == []
    cloud.states.update(running_machine(0).id, lifecycle="Terminated")
    (event,) = json.loads(run_on(cloud, "meta 'scheduledevents?api-version=2020-07-01'"))["Events"]
    assert (event["EventType"], event["Resources"]) == ("Terminate", ["vm-0"])
    body = json.dumps({"StartRequests": [{"EventId": event["EventId"]}]})
    address = f"{cloud.metadata_url}/metadata/scheduledevents?api-version=2020-07-01"
    run_on(cloud, f"curl -sf -H 'Metadata: true' -d '{body}' '{address}'")
    assert cloud.machine_at(running_machine(0).address).released
