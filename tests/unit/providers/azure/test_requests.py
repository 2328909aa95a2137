"""Tests of the clients of operations on Azure, against a local server with recorded shapes of responses."""

from __future__ import annotations

import io
from ipaddress import IPv4Address

import pytest

from providers.azure.names import Names
from providers.azure.requests import GroupMachines, ObjectStore, container_of
from providers.azure.wait_clients import management_client
from providers.cloud.requests import CloudFailure, Place
from tests.unit.providers.azure.fake_azure import FakeAzure, FakeCredential
from topology.model import Member

REQUEST, RESPONSE = "pools/general/general-1-000001.request", "status/pools/general/general-1-000001/response"
NAMES = Names(cluster="test", subscription="s", location="westeurope")
GROUP = "/subscriptions/s/resourceGroups/kubewright-test/providers/Microsoft.Compute"
SCALE_SET = f"{GROUP}/virtualMachineScaleSets/general-1"
NODE = Place("pools", "general", "general-1-000001")


@pytest.fixture
def store(cloud: FakeAzure) -> ObjectStore:
    return ObjectStore(cloud.url, FakeCredential(), cloud.ca_file)


@pytest.fixture
def machines(cloud: FakeAzure, store: ObjectStore) -> GroupMachines:
    scope = "https://management.azure.com/.default"
    compute = management_client(cloud.url, FakeCredential(), "s", cloud.ca_file, scope)
    return GroupMachines(store, compute, NAMES, zones=2)


def add_machines(cloud: FakeAzure) -> None:
    """Add a scale set with two machines, of which Azure deletes the second."""

    def machine(number: int, state: str) -> dict[str, object]:
        name = f"GENERAL-1-00000{number}"
        properties = {"osProfile": {"computerName": name}, "provisioningState": state}
        return {"id": f"{SCALE_SET}/virtualMachines/{number}", "properties": properties}

    def interface(number: int) -> dict[str, object]:
        # The management API writes the names of resource groups in ids in different cases.
        owner = {"id": f"{SCALE_SET}/virtualMachines/{number}".replace("kubewright", "KUBEWRIGHT")}
        configuration = {"properties": {"privateIPAddress": f"10.0.1.{number}", "primary": True}}
        return {"properties": {"virtualMachine": owner, "ipConfigurations": [configuration]}}

    second = f"{SCALE_SET}/networkInterfaces-2"
    cloud.responses |= {
        f"{SCALE_SET}/virtualMachines": {"value": [machine(1, "Succeeded"), machine(2, "Deleting")]},
        f"{SCALE_SET}/networkInterfaces": {"value": [interface(2)], "nextLink": f"{cloud.url}{second}"},
        second: {"value": [interface(1)]},
    }


@pytest.mark.parametrize(
    ("key", "container"),
    [
        ("members/control-plane/cp-1/request", "control-plane"),
        ("status/members/control-plane/cp-1/response", "control-plane-status"),
        ("members/etcd/e-1/input-a1", "etcd"),
        (REQUEST, "pool-general"),
        (RESPONSE, "pool-general-status"),
    ],
)
def test_each_identity_has_its_own_containers(key: str, container: str) -> None:
    assert container_of(key) == container


class TestStore:
    def test_objects_are_in_the_containers_of_the_machine(self, cloud: FakeAzure, store: ObjectStore) -> None:
        assert store.create(REQUEST, "script")
        store.write(RESPONSE, io.BytesIO(b"answer"))
        assert set(cloud.blobs) == {f"/pool-general/{REQUEST}", f"/pool-general-status/{RESPONSE}"}
        assert store.read(RESPONSE) == "answer"
        target = io.BytesIO()
        assert (store.download(RESPONSE, target), target.getvalue()) == (6, b"answer")

    def test_only_one_deployer_can_create_a_request(self, store: ObjectStore) -> None:
        assert store.create(REQUEST, "first")
        assert not store.create(REQUEST, "second")
        assert store.read(REQUEST) == "first"

    def test_a_missing_object_is_no_error(self, store: ObjectStore) -> None:
        store.remove(REQUEST)
        assert store.read(REQUEST) is None
        assert store.download(REQUEST, io.BytesIO()) == 0

    def test_a_refused_call_is_a_failure(self, cloud: FakeAzure, store: ObjectStore) -> None:
        cloud.denied = True
        with pytest.raises(CloudFailure):
            store.create(REQUEST, "script")


class TestMachines:
    def test_nodes_have_their_host_names_and_addresses(
        self, cloud: FakeAzure, machines: GroupMachines
    ) -> None:
        add_machines(cloud)
        assert machines.nodes("general") == (Member("general-1-000001", IPv4Address("10.0.1.1")),)

    def test_a_pool_without_scale_sets_has_no_nodes(self, machines: GroupMachines) -> None:
        assert machines.nodes("general") == ()

    def test_a_machine_of_a_scale_set_gets_a_new_disk_and_keeps_its_name(
        self, cloud: FakeAzure, machines: GroupMachines
    ) -> None:
        add_machines(cloud)
        path = f"{SCALE_SET}/virtualMachines/1/reimage"
        cloud.responses[path] = {}
        assert machines.replace(NODE)
        assert ("POST", path) in cloud.requests

    def test_an_unknown_machine_is_a_failure(self, cloud: FakeAzure, machines: GroupMachines) -> None:
        add_machines(cloud)
        with pytest.raises(
            CloudFailure, match="no scale set of pool general has the machine general-1-000002"
        ):
            machines.replace(Place("pools", "general", "general-1-000002"))

    def test_a_member_is_replaced_by_the_engine(self, cloud: FakeAzure, machines: GroupMachines) -> None:
        with pytest.raises(CloudFailure, match="with the URN of cp-1-machine, then"):
            machines.replace(Place("members/control-plane", "cp-1"))
        assert cloud.requests == []

    def test_the_console_is_the_log_of_the_boot_diagnostics(
        self, cloud: FakeAzure, machines: GroupMachines
    ) -> None:
        add_machines(cloud)
        member, node = f"{GROUP}/virtualMachines/cp-1", f"{SCALE_SET}/virtualMachines/1"
        for path in (member, node):
            cloud.responses[f"{path}/retrieveBootDiagnosticsData"] = {}
        for place in (Place("members/control-plane", "cp-1"), NODE):
            assert machines.console(place) == ""
        posts = [path for method, path in cloud.requests if method == "POST"]
        assert posts == [f"{path}/retrieveBootDiagnosticsData" for path in (member, node)]
