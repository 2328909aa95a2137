"""Tests of control planes on emulated AWS and Azure: killed processes, failed services, the loss of a zone.

systemd restarts a killed process. A member whose service stays unhealthy asks for its replacement on AWS, and
repairs itself on Azure (docs/azure.md).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from lab.cloud.aws.decision_log import DecisionLog
from lab.cloud.running import MachineStates
from testkit.figures import RecordFigures
from testkit.stackfile import Document
from testkit.wait import eventually
from tests.clouds.aws_stack import AwsStack
from tests.clouds.azure_stack import AzureStack
from tests.clouds.members import (
    MAX_GAP_SECONDS,
    MEMBERS,
    WORKERS,
    boots_of_members,
    break_service,
    damage_program,
    has_booted_again,
    invocation_id,
    kill,
    member_ids,
    monotonic_time,
    one_member_at_a_time,
    stack_config,
    unready_members,
)
from tests.clouds.stack import MEMBER, CloudStack
from tests.clouds.stack_tests import DownTests
from tests.clouds.variants import VARIANTS, created_on
from tests.faults.load import assert_limits, running_client

# Two replacements, each after the time in `repair_after`.
pytestmark = [pytest.mark.hours, pytest.mark.timeout(3600)]

NETWORKS = {"aws": "10.134.", "azure": "10.135."}
SERVICES = ("kubelet", "kube-apiserver", "etcd")
REPAIR_SECONDS = 300
"""The time in `repair_after`, the shortest that is allowed."""
CHECK_SECONDS = 120
"""Time within which a repair or replacement begins after `REPAIR_SECONDS`: machines check every 30 s."""
REPLACEMENT_SECONDS = 900
"""Time limit for the drain of a member and the start of its next machine."""
IN_PLACE_SECONDS = 600
"""Time limit for the repair of a member in place, until its next check."""
MARK = "kubewright.dev/replacement"
"""The annotation of the Node of a control plane that is being repaired or replaced."""


def faulty_stack_config(cloud: str) -> Document:
    """Return the configuration of the stack on a cloud."""
    change = {cloud: {"repair_after": f"{REPAIR_SECONDS // 60}m"}}
    return stack_config(cloud, f"kw{cloud}members", NETWORKS[cloud], change)


@pytest.fixture(scope="module", params=VARIANTS)
def stack(request: pytest.FixtureRequest, state: Path) -> Iterator[CloudStack]:
    """Yield the stack after its first `up`."""
    with created_on(request.param, state, faulty_stack_config(request.param)) as stack:
        yield stack


@pytest.fixture
def healthy_stack(stack: CloudStack) -> CloudStack:
    """Return the stack when all of its nodes are Ready."""
    stack.wait_until_healthy(WORKERS)
    return stack


@pytest.fixture
def replacing_stack(healthy_stack: CloudStack) -> AwsStack:
    """Return the stack on AWS, where members ask for their replacement."""
    if not isinstance(healthy_stack, AwsStack):
        pytest.skip("on Azure, members repair themselves")
    return healthy_stack


@pytest.fixture
def repairing_stack(healthy_stack: CloudStack) -> AzureStack:
    """Return the stack on Azure, where members repair themselves."""
    if not isinstance(healthy_stack, AzureStack):
        pytest.skip("on AWS, members ask for their replacement")
    return healthy_stack


@pytest.mark.parametrize("service", SERVICES)
def test_killed_process_of_a_member_is_restarted(
    healthy_stack: CloudStack, record_figures: RecordFigures, service: str
) -> None:
    boots = boots_of_members(healthy_stack)
    invocation = invocation_id(healthy_stack, MEMBER, service)
    with running_client(healthy_stack) as client:
        began = time.monotonic()
        kill(healthy_stack, MEMBER, service)
        eventually(
            f"{service} runs again",
            lambda: invocation_id(healthy_stack, MEMBER, service) not in ("", invocation),
            timeout=60,
        )
        record_figures(restarted=round(time.monotonic() - began, 1))
        eventually("all API servers are ready", lambda: not unready_members(healthy_stack), timeout=120)
        healthy_stack.wait_until_healthy(WORKERS)
        assert_limits(client, healthy_stack, MAX_GAP_SECONDS, record_figures)
    assert boots_of_members(healthy_stack) == boots, "a machine was restarted or replaced"


@pytest.mark.parametrize("service", SERVICES)
def test_status_names_a_service_that_does_not_come_back_and_repair_restores_it(
    healthy_stack: CloudStack, service: str
) -> None:
    break_service(healthy_stack, MEMBER, service)
    result = healthy_stack.command("status", check=False)
    assert result.code == 1
    assert f"{service}.service is" in " ".join(result.text.split())
    healthy_stack.command("repair", "--host", MEMBER, timeout=900)
    assert invocation_id(healthy_stack, MEMBER, service)
    healthy_stack.wait_until_healthy(WORKERS)
    assert not unready_members(healthy_stack)


def test_cluster_serves_without_a_zone(healthy_stack: CloudStack, record_figures: RecordFigures) -> None:
    """A zone with a control plane and a worker loses its power, and gets it back."""
    stack, machines = healthy_stack, healthy_stack.all_machines()
    zone = machines[MEMBER].zone
    remaining = {node for node, machine in machines.items() if machine.zone != zone}
    assert len(remaining) == len(machines) - 2, "the zone has a control plane and a worker"
    with running_client(stack) as client:
        began = time.monotonic()
        with stack.failed_zone(zone):
            stack.wait_for("the Nodes of the zone are not Ready", lambda: set(ready(stack)) == remaining)
            record_figures(noticed=round(time.monotonic() - began, 1))
            client.wait_for_write(timeout=30)
        began = time.monotonic()
        stack.wait_until_healthy(WORKERS, seconds=REPLACEMENT_SECONDS)
        eventually("all API servers are ready", lambda: not unready_members(stack), timeout=300)
        record_figures(recovered=round(time.monotonic() - began, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)
    stack.wait_for_complete_status()


@pytest.mark.parametrize("service", SERVICES)
def test_member_whose_service_does_not_come_back_is_replaced(
    replacing_stack: AwsStack, record_figures: RecordFigures, service: str
) -> None:
    """The member asks for its replacement after the configured time, and the other members stay."""
    stack, before = replacing_stack, member_ids(replacing_stack)
    with running_client(stack) as client, one_member_at_a_time(stack):
        broken = time.monotonic()
        break_service(stack, MEMBER, service)
        eventually(
            f"{MEMBER} asks for its replacement",
            lambda: is_ending(stack, before[MEMBER]),
            timeout=REPAIR_SECONDS + CHECK_SECONDS,
        )
        asked = time.monotonic() - broken
        wait_replaced(stack, {MEMBER: before[MEMBER]})
        record_figures(asked=round(asked, 1), replaced=round(time.monotonic() - broken, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)
    # The machine compares times in whole seconds.
    assert asked > REPAIR_SECONDS - 2
    after = member_ids(stack)
    assert [member for member in MEMBERS if after[member] != before[member]] == [MEMBER]
    role = stack.all_machines()[MEMBER].identity
    decisions = [item for item in DecisionLog.of(stack.name).all() if item.role == role]
    requests = [item for item in decisions if item.action == "autoscaling:SetInstanceHealth"]
    assert requests
    assert all(item.allowed for item in requests)


def test_members_whose_kubelets_fail_together_are_replaced_one_at_a_time(
    replacing_stack: AwsStack, record_figures: RecordFigures
) -> None:
    """A failed kubelet is not visible in the answers of the API server and of etcd."""
    stack, failing = replacing_stack, MEMBERS[:2]
    before = {node: id for node, id in member_ids(stack).items() if node in failing}
    with running_client(stack) as client, one_member_at_a_time(stack):
        broken = time.monotonic()
        for member in failing:
            break_service(stack, member, "kubelet")
        wait_replaced(stack, before, REPAIR_SECONDS + CHECK_SECONDS + 2 * REPLACEMENT_SECONDS)
        record_figures(replaced=round(time.monotonic() - broken, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)


@pytest.mark.parametrize("service", SERVICES)
def test_member_repairs_a_service_whose_program_is_damaged(
    repairing_stack: AzureStack, record_figures: RecordFigures, service: str
) -> None:
    """The member fetches the program again after the configured time. All machines stay."""
    stack, machines = repairing_stack, member_ids(repairing_stack)
    before = boots_of_members(stack)
    with running_client(stack) as client, one_member_at_a_time(stack):
        broken = time.monotonic()
        damage_program(stack, MEMBER, service)
        eventually(
            f"{MEMBER} repairs itself",
            lambda: has_booted_again(stack, MEMBER, before[MEMBER]),
            timeout=REPAIR_SECONDS + CHECK_SECONDS,
        )
        began = time.monotonic() - broken
        wait_repaired(stack, {MEMBER: before[MEMBER]}, IN_PLACE_SECONDS)
        record_figures(began=round(began, 1), repaired=round(time.monotonic() - broken, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)
    # The machine compares times in whole seconds.
    assert began > REPAIR_SECONDS - 2
    assert invocation_id(stack, MEMBER, service)
    assert member_ids(stack) == machines
    after = boots_of_members(stack)
    assert [member for member in MEMBERS if after[member] != before[member]] == [MEMBER]


def test_members_whose_kubelets_fail_together_are_repaired_one_at_a_time(
    repairing_stack: AzureStack, record_figures: RecordFigures
) -> None:
    """The second repair begins when the kubelet of the first member runs again."""
    stack, failing = repairing_stack, MEMBERS[:2]
    boots = {member: id for member, id in boots_of_members(stack).items() if member in failing}
    with running_client(stack) as client, one_member_at_a_time(stack):
        broken = time.monotonic()
        for member in failing:
            break_service(stack, member, "kubelet")
        wait_repaired(stack, boots, REPAIR_SECONDS + 2 * (CHECK_SECONDS + IN_PLACE_SECONDS))
        record_figures(repaired=round(time.monotonic() - broken, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)
    first, second = sorted(
        (
            monotonic_time(stack, member, "kubewright-boot", "ExecMainStart"),
            monotonic_time(stack, member, "kubelet", "ActiveEnter"),
        )
        for member in failing
    )
    assert first[1] < second[0], "two members were repaired at the same time"


class TestDown(DownTests):
    """The removal of the stack."""


def ready(stack: CloudStack) -> Sequence[str]:
    """Return the names of the Nodes that are Ready."""
    return list(stack.nodes_by_name())


def is_ending(stack: CloudStack, identity: str) -> bool:
    """Check whether a machine has ended, or its group has told it to end."""
    machine = MachineStates.of(stack.name).by_id(identity)
    return machine is None or machine.lifecycle != "InService"


def wait_replaced(stack: CloudStack, old: Mapping[str, str], seconds: float = REPLACEMENT_SECONDS) -> None:
    """Wait until members have other machines, and all nodes and API servers are ready."""

    def replaced() -> bool:
        assert all(is_ending(stack, identity) for identity in old.values())
        assert not unready_members(stack)
        return stack.is_healthy(WORKERS)

    stack.wait_for(f"{', '.join(old)} replaced", replaced, seconds)


def wait_repaired(stack: CloudStack, boots: Mapping[str, str], seconds: float) -> None:
    """Wait until members have booted again, are healthy and have no mark, and all nodes are ready."""

    def repaired() -> bool:
        assert all(has_booted_again(stack, member, boot) for member, boot in boots.items())
        assert not unready_members(stack)
        marked = [node for node in stack.items("nodes") if MARK in node["metadata"].get("annotations", {})]
        assert not marked, "a member has not found itself healthy yet"
        return stack.is_healthy(WORKERS)

    stack.wait_for(f"{', '.join(boots)} repaired", repaired, seconds)
