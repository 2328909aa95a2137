"""Tests of the emulated calls on single machines of Azure, with the product's own clients and by HTTP."""

from __future__ import annotations

import importlib.util
import io
import re
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from lab import hosts, lifecycle, spec
from lab.cloud.azure.responses import in_background
from lab.cloud.azure.results import Refused
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.machines import reimage_machine
from lab.cloud.running import MachineStates, RunningMachine
from lab.plugins.azure_native.models import response_problems
from providers.azure.names import Names
from providers.azure.requests import GroupMachines, ObjectStore
from providers.azure.wait_clients import management_client
from providers.cloud.requests import CloudFailure, Place
from testkit.artifact_server import create_self_signed_certificate
from tests.unit.lab.cloud.azure_resources import (
    LAB,
    MACHINE,
    SET,
    create_network,
    machine_body,
    manager,
    put,
    set_body,
)
from tests.unit.providers.azure.fake_azure import TOKEN, FakeCredential
from topology.model import Member

ADDRESS = "127.0.0.2"
"""The library of blobs expects another form of URLs at 127.0.0.1."""
NODE = Place("pools", "general", "general-1-000001")
NAMES = Names(cluster="test", subscription="s", location="westeurope")
CALLS = f"{SET}/virtualMachines/1"
LOG = b"[  OK  ] Reached target\ncurl: (22) 404\n"


def instance(number: int, **fields: Any) -> RunningMachine:  # noqa: ANN401 — any field
    return RunningMachine(
        id=f"{SET}/virtualMachines/{number}",
        host=f"general-1-{number}",
        address=f"10.1.0.{100 + number}",
        hostname=f"general-1-00000{number}",
        zone="1",
        region="westeurope",
        identity="client",
        group="general-1",
        **fields,
    )


def lab_host(number: int) -> spec.LabHost:
    """Return the host of an instance."""
    machine = instance(number)
    data = {"id": machine.id, "hostname": machine.hostname, "user_data": "#!/bin/sh"}
    return spec.LabHost.model_validate({"name": machine.host, "address": machine.address, "instance": data})


def with_diagnostics(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a machine or scale set with boot diagnostics."""
    profile = body["properties"].get("virtualMachineProfile", body["properties"])
    profile["diagnosticsProfile"] = {"bootDiagnostics": {"enabled": True}}
    return body


@pytest.fixture(autouse=True)
def scale_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create a scale set with two instances, of which Azure deletes the second, and a virtual machine."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    create_network()
    put(SET, with_diagnostics(set_body(2)))
    put(MACHINE, with_diagnostics(machine_body()))
    for machine in (instance(1), instance(2, lifecycle="Terminated")):
        MachineStates.of(LAB).add(machine)
    log = hosts.console_file(LAB, "general-1-1")
    log.parent.mkdir(parents=True)
    log.write_bytes(LOG)


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupMachines]:
    """Return the product's clients of the emulated Azure."""
    certificate, key = create_self_signed_certificate(tmp_path, ADDRESS)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = store_server(LAB, (ADDRESS, 0), AccessTokens(TOKEN))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    url = f"https://{ADDRESS}:{server.server_address[1]}"
    compute = management_client(url, FakeCredential(), "s", str(certificate), "https://management/.default")
    store = ObjectStore(url, FakeCredential(), str(certificate))
    with in_background(server):
        yield GroupMachines(store, compute, NAMES, zones=2)


def get(path: str) -> Any:  # noqa: ANN401 — JSON
    return manager().respond("GET", path, {}).body


def post(path: str) -> Any:  # noqa: ANN401 — JSON
    return manager().respond("POST", path, {}).body


class TestInterfaces:
    def test_nodes_of_a_pool_are_found_with_their_addresses(self, machines: GroupMachines) -> None:
        assert machines.nodes("general") == (Member("general-1-000001", IPv4Address("10.1.0.101")),)

    def test_a_set_has_the_interfaces_of_all_instances_and_an_instance_its_own(self) -> None:
        def owners(path: str) -> list[str]:
            return [item["properties"]["virtualMachine"]["id"] for item in get(path)["value"]]

        numbers = [f"{SET}/virtualMachines/{number}" for number in (1, 2)]
        assert owners(f"{SET}/networkInterfaces") == numbers
        assert owners(f"{numbers[1]}/networkInterfaces") == numbers[1:]

    def test_a_set_without_instances_has_no_interfaces(self) -> None:
        put(f"{SET}-empty", set_body(0))
        assert get(f"{SET}-empty/networkInterfaces") == {"value": []}

    def test_missing_sets_and_instances_are_not_found(self) -> None:
        for path in (f"{SET}-other/networkInterfaces", f"{SET}/virtualMachines/9/networkInterfaces"):
            with pytest.raises(Refused) as refused:
                get(path)
            assert refused.value.status == HTTPStatus.NOT_FOUND

    def test_every_property_is_one_of_azure(self) -> None:
        (interface, _) = get(f"{SET}/networkInterfaces")["value"]
        (configuration,) = interface["properties"]["ipConfigurations"]
        assert flat_names(interface) <= output_names("NetworkInterfaceResponse")
        assert flat_names(configuration) <= output_names("NetworkInterfaceIPConfigurationResponse")


def flat_names(resource: Mapping[str, Any]) -> set[str]:
    """Return the names of the properties of a resource as azure-native has them: all on one level."""
    return (set(resource) | set(resource["properties"])) - {"properties"}


def output_names(name: str) -> set[str]:
    """Return the names of the properties of an output type of azure-native, which is slow to import."""
    package = importlib.util.find_spec("pulumi_azure_native")
    assert package is not None
    assert package.origin is not None
    text = (Path(package.origin).parent / "network/outputs.py").read_text()
    block = text.partition(f"\nclass {name}(dict):")[2].partition("\nclass ")[0]
    getters = re.findall(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n +def (\w+)\(', block)
    return {wire or attribute for wire, attribute in getters}


class TestReimage:
    def test_the_product_requests_a_fresh_disk_for_an_instance(self, machines: GroupMachines) -> None:
        assert machines.replace(NODE)
        reimaged = {machine.id: machine.reimage for machine in MachineStates.of(LAB).all()}
        assert reimaged == {f"{SET}/virtualMachines/1": True, f"{SET}/virtualMachines/2": False}

    def test_the_operation_runs_until_the_machine_has_its_disk(self) -> None:
        response = manager().respond("POST", f"{CALLS}/reimage", {})
        assert response.status == HTTPStatus.ACCEPTED
        operation = urlsplit(response.headers["Azure-AsyncOperation"]).path
        assert urlsplit(response.headers["Location"]).path == operation
        assert get(operation)["status"] == "InProgress"
        assert get(f"{SET}/virtualMachines")["value"][0]["properties"]["provisioningState"] == "Updating"
        MachineStates.of(LAB).update(f"{SET}/virtualMachines/1", reimage=False)
        assert get(operation)["status"] == "Succeeded"
        assert get(f"{SET}/virtualMachines")["value"][0]["properties"]["provisioningState"] == "Succeeded"

    def test_unknown_and_ending_instances_are_refused(self) -> None:
        with pytest.raises(Refused, match="is being deleted"):
            post(f"{SET}/virtualMachines/2/reimage")
        with pytest.raises(Refused, match="was not found"):
            post(f"{SET}/virtualMachines/9/reimage")

    def test_the_machine_boots_the_same_program_from_another_disk(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changed: list[spec.LabHost] = []
        names: set[str] = set()
        before = tuple(lab_host(number) for number in (1, 2))

        def set_hosts(_: str, change: Any, *, booted: set[str]) -> None:  # noqa: ANN401 — a function
            changed.extend(change(before))
            names.update(booted)

        monkeypatch.setattr(lifecycle, "set_hosts", set_hosts)
        MachineStates.of(LAB).update(instance(1).id, reimage=True)
        reimage_machine(LAB, instance(1))
        assert changed[0].instance is not None
        assert changed[0].instance.disk == 2
        assert changed[0].instance.user_data == "#!/bin/sh"
        assert changed[1] == before[1]
        assert names == {changed[0].name}
        assert not any(machine.reimage for machine in MachineStates.of(LAB).all())


class TestBootDiagnostics:
    def test_the_product_reads_the_console_of_a_node(self, machines: GroupMachines) -> None:
        assert machines.console(NODE) == LOG.decode()

    def test_the_product_reads_the_console_of_a_member(self, machines: GroupMachines) -> None:
        member = RunningMachine(
            id=MACHINE,
            host="cp-1",
            address="10.1.0.10",
            hostname="cp-1",
            zone="1",
            region="westeurope",
            identity="client",
            group="",
        )
        MachineStates.of(LAB).add(member)
        log = hosts.console_file(LAB, "cp-1")
        log.parent.mkdir(parents=True)
        log.write_text("of the member")
        assert machines.console(Place("members/control-plane", "cp-1")) == "of the member"

    def test_a_machine_without_boot_diagnostics_is_refused(self, machines: GroupMachines) -> None:
        put(SET, set_body(2))
        with pytest.raises(CloudFailure, match="no boot diagnostics"):
            machines.console(NODE)

    def test_the_log_needs_a_valid_signature(
        self, machines: GroupMachines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = post(f"{CALLS}/retrieveBootDiagnosticsData")["serialConsoleLogBlobUri"]
        path = path.replace(f"https://{urlsplit(path).netloc}", "")
        with in_background(store_server(LAB, ("127.0.0.1", 0), AccessTokens(TOKEN))) as server:
            url = f"http://127.0.0.1:{server.server_address[1]}{path}"
            with urlopen(url, timeout=20) as response:
                assert response.read() == LOG
            for wrong in (url.replace("sp=r&sig=", "sp=r&sig=0"), re.sub(r"se=20\d\d", "se=2090", url)):
                with pytest.raises(HTTPError, match="403"):
                    urlopen(wrong, timeout=20)
            monkeypatch.setattr("lab.cloud.azure.boot_diagnostics._VALID_SECONDS", -1)
            late = post(f"{CALLS}/retrieveBootDiagnosticsData")["serialConsoleLogBlobUri"]
            with pytest.raises(HTTPError, match="403"):
                urlopen(url.partition("?")[0] + "?" + late.partition("?")[2], timeout=20)


def test_responses_have_the_shapes_of_the_library() -> None:
    responses = {
        "RetrieveBootDiagnosticsDataResult": [post(f"{CALLS}/retrieveBootDiagnosticsData")],
        "VirtualMachineScaleSetVM": get(f"{SET}/virtualMachines")["value"],
    }
    for model, bodies in responses.items():
        for body in bodies:
            assert list(response_problems(model, body)) == []
    assert list(response_problems("VirtualMachineScaleSetVM", {"location": "x", "instanceid": "1"})) == [
        "instanceid: there is no such property"
    ]


class TestObjects:
    def test_only_one_deployer_can_create_a_request(self, machines: GroupMachines) -> None:
        assert machines.store.create(NODE.request, "first")
        assert not machines.store.create(NODE.request, "second")
        assert machines.store.read(NODE.request) == "first"

    def test_an_empty_object_is_read(self, machines: GroupMachines) -> None:
        """Test the library, which then reads the blob without a range."""
        machines.store.write(NODE.error, io.BytesIO(b""))
        assert machines.store.read(NODE.error) == ""
