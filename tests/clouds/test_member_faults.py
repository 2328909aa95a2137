"""Tests of control planes on emulated AWS and Azure: killed processes, failed services, the loss of a zone.

systemd restarts a killed process. On AWS a member whose service stays unhealthy asks for its replacement; on
Azure an operator repairs it (docs/azure.md).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from lab.cloud.aws.decision_log import DecisionLog
from lab.cloud.running import MachineStates
from nodeconfig.host_paths import BIN
from testkit.figures import RecordFigures
from testkit.stackfile import Document
from testkit.wait import eventually
from testkit.watcher import Watcher
from tests.clouds.aws_stack import AwsStack
from tests.clouds.members import MAX_GAP_SECONDS, MEMBERS, WORKERS, stack_config
from tests.clouds.stack import MEMBER, CloudStack
from tests.clouds.stack_tests import DownTests
from tests.clouds.variants import VARIANTS, created_on
from tests.faults.load import assert_limits, running_client
from topology.ports import API_PORT

# Two replacements, each after the time in `aws.repair_after`.
pytestmark = [pytest.mark.hours, pytest.mark.timeout(3600)]

NETWORKS = {"aws": "10.134.", "azure": "10.135."}
SERVICES = ("kubelet", "kube-apiserver", "etcd")
REPAIR_SECONDS = 300
"""The time in `aws.repair_after`, the shortest that is allowed."""
CHECK_SECONDS = 120
"""Time within which a machine asks for its replacement after `REPAIR_SECONDS`: it checks every 30 s."""
REPLACEMENT_SECONDS = 900
"""Time limit for the drain of a member and the start of its next machine."""


def faulty_stack_config(cloud: str) -> Document:
    """Return the configuration of the stack on a cloud."""
    change = {"aws": {"repair_after": f"{REPAIR_SECONDS // 60}m"}} if cloud == "aws" else {}
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
def repairing_stack(healthy_stack: CloudStack) -> AwsStack:
    """Return the stack on AWS, where members ask for their replacement."""
    if not isinstance(healthy_stack, AwsStack):
        pytest.skip("on Azure, nothing replaces a member whose services stay unhealthy")
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
    stack.wait_for("`status` finds no problems", lambda: has_complete_status(stack))


@pytest.mark.parametrize("service", SERVICES)
def test_member_whose_service_does_not_come_back_is_replaced(
    repairing_stack: AwsStack, record_figures: RecordFigures, service: str
) -> None:
    """The member asks for its replacement after the configured time, and the other members stay."""
    stack, before = repairing_stack, member_ids(repairing_stack)
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
    repairing_stack: AwsStack, record_figures: RecordFigures
) -> None:
    """A failed kubelet is not visible in the answers of the API server and of etcd."""
    stack, failing = repairing_stack, MEMBERS[:2]
    before = {node: id for node, id in member_ids(stack).items() if node in failing}
    with running_client(stack) as client, one_member_at_a_time(stack):
        broken = time.monotonic()
        for member in failing:
            break_service(stack, member, "kubelet")
        wait_replaced(stack, before, REPAIR_SECONDS + CHECK_SECONDS + 2 * REPLACEMENT_SECONDS)
        record_figures(replaced=round(time.monotonic() - broken, 1))
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)


class TestDown(DownTests):
    """The removal of the stack."""


# Faults


def kill(stack: CloudStack, member: str, service: str) -> None:
    """Kill the process of a service on a member with SIGKILL."""
    stack.run_on(member, f"systemctl kill --signal=KILL {service}.service")


def break_service(stack: CloudStack, member: str, service: str) -> None:
    """Remove the program of a service on a member, and kill its process."""
    stack.run_on(member, f"mv {BIN}/{service} {BIN}/{service}.lost")
    kill(stack, member, service)


# Observations


def invocation_id(stack: CloudStack, member: str, service: str) -> str:
    """Return the invocation id of a service on a member; empty if the service is not active."""
    show = f"systemctl show --property=InvocationID --value {service}.service"
    return stack.run_on(member, f"! systemctl is-active --quiet {service}.service || {show}")


def boots_of_members(stack: CloudStack) -> dict[str, str]:
    """Return an id of the last boot of each member's machine."""
    return {member: invocation_id(stack, member, "kubewright-boot") for member in MEMBERS}


def has_complete_status(stack: CloudStack) -> bool:
    """Check that `status` finds every machine and no problems."""
    stack.expect_complete_status()
    return True


def ready(stack: CloudStack) -> Sequence[str]:
    """Return the names of the Nodes that are Ready."""
    return list(stack.nodes_by_name())


def member_ids(stack: CloudStack) -> dict[str, str]:
    """Return the id of the machine of each member."""
    machines = stack.all_machines()
    return {member: machines[member].id for member in MEMBERS}


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


@contextmanager
def one_member_at_a_time(stack: CloudStack) -> Iterator[None]:
    """Check that at most one API server at a time does not answer, or has no etcd, during the block."""
    addresses = [stack.all_machines()[member].address for member in MEMBERS]
    with Watcher(lambda: count_unready(addresses)) as watcher:
        yield
    assert len(watcher.values) > 10
    assert max(watcher.values) <= 1, "two members were not available at the same time"


def unready_members(stack: CloudStack) -> int:
    """Return the number of members without a machine, or whose API server is not ready."""
    machines = stack.all_machines()
    addresses = [machines[member].address for member in MEMBERS if member in machines]
    return len(MEMBERS) - len(addresses) + count_unready(addresses)


def count_unready(addresses: Sequence[str]) -> int:
    """Return the number of API servers that are not ready, which includes their etcd.

    A server that does not answer is asked again, because this machine may be too busy for its time limit.
    """
    return sum(not is_ready(address) for address in addresses if not is_ready(address))


def is_ready(address: str) -> bool:
    """Check whether the API server at an address is ready, as the load balancer does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urlopen(f"https://{address}:{API_PORT}/readyz", timeout=5, context=context) as response:
            return bool(response.status == 200)
    except OSError:
        return False
