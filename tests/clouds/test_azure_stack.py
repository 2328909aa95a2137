"""Tests of `kubewright up` of a whole stack on emulated Azure: the stand-in plugin creates every resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cloud.azure.deployer import environment_variables
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import SCALE_SET, VIRTUAL_MACHINE, Resources
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.subscription import Subscription
from tests.clouds.azure_stack import AzureStack
from tests.clouds.stack import MEMBER, UP_SECONDS, copy_of_stack, created, use_own_store

STACK, EXAMPLE = "kwazstack", "azure-lab"
NETWORK, EXAMPLE_NETWORK = "10.127.", "10.126."
POOL_VERSION = KINDS["azure-native:compute:VirtualMachineScaleSet"].version


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[AzureStack]:
    """Yield the stack after its first `up`."""
    config = copy_of_stack(EXAMPLE, STACK, EXAMPLE_NETWORK, NETWORK)
    use_own_store(config)
    with created(AzureStack(STACK, state, config)) as stack:
        yield stack


def test_up_creates_a_cluster_and_a_preview_is_empty(stack: AzureStack) -> None:
    stack.wait_until_healthy(2)
    assert not stack.previewed_operations()


def test_nodes_have_the_data_of_the_cloud(stack: AzureStack) -> None:
    stack.expect_data_of_the_cloud()


def test_machines_fetch_their_files_from_the_store(stack: AzureStack) -> None:
    stack.expect_files_of_the_own_store()


def test_status_finds_every_machine_and_no_problems(stack: AzureStack) -> None:
    stack.expect_complete_status()


def test_diagnose_certificates_and_cis_work_as_on_bare_metal(stack: AzureStack) -> None:
    stack.expect_inspections()


def test_drift_names_a_changed_file_and_repair_restores_it(stack: AzureStack) -> None:
    stack.expect_drift_and_repair()


def test_logs_show_the_journal_of_a_machine(stack: AzureStack) -> None:
    stack.expect_logs()


def test_snapshot_and_restore(stack: AzureStack) -> None:
    stack.expect_snapshot_and_restore()


def test_no_request_remains_in_the_store(stack: AzureStack) -> None:
    stack.expect_no_requests_in_the_store()


def test_failed_boot_tells_the_reason(stack: AzureStack) -> None:
    stack.expect_reason_of_a_failed_boot(stack.lose)


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


def test_lost_machine_is_replaced(stack: AzureStack) -> None:
    stack.expect_replacement_of_a_lost_machine()


def test_node_that_the_autoscaler_deletes_is_drained(stack: AzureStack) -> None:
    """Test the calls of the cluster autoscaler: a larger capacity, and the deletion of a chosen node."""
    variables = environment_variables(STACK)
    (scale_set,) = Resources.of(STACK).of_type(SCALE_SET)
    subscription = Subscription(scale_set.id.split("/")[2], variables)
    subscription.call("PATCH", scale_set.id, POOL_VERSION, {"sku": {"capacity": 3}})
    stack.wait_until_healthy(3)
    chosen = min(stack.machines())
    number = stack.machines()[chosen].id.rpartition("/")[2]
    subscription.call("POST", f"{scale_set.id}/delete", POOL_VERSION, {"instanceIds": [number]})

    def drained() -> bool:
        assert chosen not in stack.all_machines()
        return stack.is_healthy(2)

    stack.wait_for("the node has left", drained)


def test_changed_setting_of_a_pool_replaces_its_machines(stack: AzureStack) -> None:
    stack.expect_replaced_pool()


def test_down_leaves_nothing(stack: AzureStack) -> None:
    assert remaining_resources(STACK)
    stack.expect_complete_down()
