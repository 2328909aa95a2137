"""Tests of `kubewright up` of a whole stack on emulated Azure: the stand-in plugin creates every resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cloud.azure.resources import VIRTUAL_MACHINE, Resources
from lab.plugins.azure_native.catalogue import KINDS
from tests.clouds.azure_stack import AzureStack
from tests.clouds.stack import MEMBER, UP_SECONDS, copy_of_stack, created, use_own_store
from tests.clouds.stack_tests import (
    ChangeTests,
    ClusterTests,
    DownTests,
    FileStorageTests,
    LostMachineTests,
    OperationTests,
)

STACK, EXAMPLE = "kwazstack", "azure-lab"
NETWORK, EXAMPLE_NETWORK = "10.127.", "10.126."
_ACCOUNT = KINDS["azure-native:storage:StorageAccount"].type


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[AzureStack]:
    """Yield the stack after its first `up`."""
    config = copy_of_stack(EXAMPLE, STACK, EXAMPLE_NETWORK, NETWORK)
    use_own_store(config)
    config["kubewright:cluster"]["azure"]["file_storage"] = {}
    with created(AzureStack(STACK, state, config)) as stack:
        yield stack


class TestCluster(ClusterTests):
    """The new cluster."""


def test_file_storage_has_an_account_without_keys(stack: AzureStack) -> None:
    accounts = {item.name: item for item in Resources.of(stack.name).of_type(_ACCOUNT)}
    found = stack.get("storageclass", "azure-files")
    account = accounts[found["parameters"]["storageAccount"]]
    assert account.body["kind"] == "FileStorage"
    assert account.properties["allowSharedKeyAccess"] is False
    assert account.properties["networkRuleSet"]["defaultAction"] == "Deny"


class TestFileStorage(FileStorageTests):
    """Volumes in Azure Files, whose driver does nothing here."""

    port = 2049
    controller = "csi-azurefile-controller"


class TestOperations(OperationTests):
    """Operations by requests in the containers."""


def test_logs_show_the_console_of_a_silent_machine(stack: AzureStack) -> None:
    """Test the boot diagnostics: a machine that answers no request still has a console log."""
    silent = min(stack.machines())
    stack.run_on(silent, "systemctl stop kubewright-requests.service")
    result = stack.command("logs", "--host", silent, check=False)
    stack.run_on(silent, "systemctl start kubewright-requests.service")
    assert result.code == 1
    # The service of the boot program also writes to the console.
    assert "ubewright" in result.text.partition(f"The console of {silent}:")[2]


def test_replace_gives_a_machine_of_a_pool_an_empty_disk(stack: AzureStack) -> None:
    chosen = min(stack.machines())
    identity = stack.machines()[chosen].id
    stack.run_on(chosen, "touch /root/of-the-old-disk")
    assert f"{chosen}: replaced" in stack.command("replace", "--host", chosen, timeout=UP_SECONDS).text
    stack.run_on(chosen, "test ! -e /root/of-the-old-disk")
    assert stack.machines()[chosen].id == identity
    stack.wait_until_healthy(2)


def test_member_is_replaced_by_the_engine_as_replace_says(stack: AzureStack) -> None:
    refused = stack.command("replace", "--host", MEMBER, check=False)
    assert refused.code == 1
    assert "state taint URN` with the URN of cp-1-machine" in " ".join(refused.text.split())
    (before,) = Resources.of(STACK).of_type(VIRTUAL_MACHINE)
    resources = json.loads(stack.pulumi("stack", "export"))["deployment"]["resources"]
    (urn,) = (item["urn"] for item in resources if item["urn"].endswith("::cp-1-machine"))
    stack.pulumi("state", "taint", urn, "--yes")
    stack.command("up", timeout=UP_SECONDS)
    (after,) = Resources.of(STACK).of_type(VIRTUAL_MACHINE)
    assert after.properties["vmId"] != before.properties["vmId"]
    stack.wait_until_healthy(2)


class TestLostMachine(LostMachineTests):
    """A machine of a scale set that has lost its power."""


def test_node_that_the_autoscaler_deletes_is_drained(stack: AzureStack) -> None:
    """Test the calls of the cluster autoscaler: a larger capacity, and the deletion of a chosen node."""
    ((name, scale_set),) = stack.scale_sets().items()
    stack.set_group_size(name, 3)
    stack.wait_until_healthy(3)
    chosen = min(stack.machines())
    number = stack.machines()[chosen].id.rpartition("/")[2]
    stack.call("POST", f"{scale_set.id}/delete", {"instanceIds": [number]})

    def drained() -> bool:
        assert chosen not in stack.all_machines()
        return stack.is_healthy(2)

    stack.wait_for("the node has left", drained)


class TestChange(ChangeTests):
    """A changed pool, whose scale set replaces its machines."""


class TestDown(DownTests):
    """The removal of the stack."""
