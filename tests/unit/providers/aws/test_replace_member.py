"""Tests of the replacement of members on AWS: one at a time, and only when necessary."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import boto3
import pytest

from providers.aws.wait import parse_arguments, replace_member
from providers.aws.wait_clients import MachineGroups, StatusStore
from providers.cloud.polling import Polling, WaitError
from tests.unit.providers.aws.autoscaling import (
    GROUP,
    LONG_WAIT,
    NEW_DIGEST,
    OLD_DIGEST,
    REGION,
    SHORT_WAIT,
    STATUS_KEYS,
    RefreshSimulator,
    create_group,
    write_statuses,
)

OTHER_GROUP = "test-cp-2"
OTHER_MEMBERS = {
    OTHER_GROUP: ["status/members/control-plane/cp-2/etcd", "status/members/control-plane/cp-2/node"]
}


@dataclass
class Replacement:
    """The arguments of `replace_member` that the tests share."""

    statuses: StatusStore
    groups: MachineGroups

    def run(self, version: str = "1", polling: Polling = SHORT_WAIT, *, others: bool = False) -> None:
        other_members = OTHER_MEMBERS if others else {}
        replace_member(
            self.statuses, self.groups, GROUP, version, STATUS_KEYS, NEW_DIGEST, polling, other_members
        )


@pytest.fixture
def replacement(statuses: StatusStore, groups: MachineGroups) -> Replacement:
    create_group(GROUP, 1)
    return Replacement(statuses, groups)


class TestReplaceMember:
    def test_replaces_the_machine_and_waits_until_it_is_healthy(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        write_statuses(replacement.statuses, STATUS_KEYS, OLD_DIGEST)
        simulator.on_success = lambda: write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        replacement.run(polling=LONG_WAIT)
        (refresh,) = simulator.refreshes
        assert refresh["AutoScalingGroupName"] == GROUP
        # Interface and volume attach to one machine only: the old machine terminates first.
        assert refresh["Preferences"]["MinHealthyPercentage"] == 0
        assert refresh["Preferences"]["SkipMatching"] is True

    def test_an_up_to_date_machine_is_not_replaced(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        replacement.run()
        assert simulator.refreshes == []

    def test_a_new_template_version_replaces_a_healthy_machine(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        with pytest.raises(WaitError, match="not replaced yet: i-"):
            replacement.run("2")
        assert len(simulator.refreshes) == 1

    def test_the_status_of_the_old_machine_does_not_count_for_the_new_one(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        """A new image does not change the digest, so the status of the old machine has the expected digest
        already.

        The replacement must still wait for the new machine, before the next member is replaced.
        """
        write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)

        class UpToDateGroups(MachineGroups):
            def describe_outdated(self, group: str, version: str) -> str:
                return "" if simulator.refreshes else super().describe_outdated(group, version)

        replacement.groups = UpToDateGroups(replacement.groups.autoscaling)
        with pytest.raises(WaitError, match="not healthy yet"):
            replacement.run("2")
        assert len(simulator.refreshes) == 1
        # The next run after the failed one: the machine exists and reports its own status.
        simulator.refreshes[0]["Status"] = "Successful"
        simulator.on_success = lambda: write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        replacement.run("2", LONG_WAIT)

    def test_a_machine_with_the_current_template_keeps_its_statuses(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        write_statuses(replacement.statuses, STATUS_KEYS[:1], NEW_DIGEST)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node "):
            replacement.run()
        assert replacement.statuses.status(STATUS_KEYS[0]) == NEW_DIGEST

    def test_an_unhealthy_new_machine_stops_the_rollout(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        write_statuses(replacement.statuses, STATUS_KEYS, OLD_DIGEST)
        with pytest.raises(WaitError, match="not healthy yet"):
            replacement.run()

    def test_error_has_the_reason_of_a_failed_refresh(
        self, replacement: Replacement, simulator: RefreshSimulator
    ) -> None:
        simulator.outcome = "Failed"
        with pytest.raises(WaitError, match=r"test-cp-1: .*\(Failed\): machines did not come"):
            replacement.run(polling=LONG_WAIT)

    def test_waits_for_a_running_refresh(self, replacement: Replacement, simulator: RefreshSimulator) -> None:
        simulator.start_instance_refresh(AutoScalingGroupName=GROUP)
        simulator.on_success = lambda: write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        replacement.run(polling=LONG_WAIT)
        assert [refresh["Status"] for refresh in simulator.refreshes] == ["Successful", "Successful"]


class TestOtherMembers:
    @pytest.fixture
    def changed_member(self, replacement: Replacement, simulator: RefreshSimulator) -> Replacement:
        """Return a member with a changed bundle."""
        write_statuses(replacement.statuses, STATUS_KEYS, OLD_DIGEST)
        simulator.on_success = lambda: write_statuses(replacement.statuses, STATUS_KEYS, NEW_DIGEST)
        return replacement

    def test_a_member_is_not_replaced_while_another_has_no_machine(
        self, changed_member: Replacement, simulator: RefreshSimulator
    ) -> None:
        create_group(OTHER_GROUP, 1)
        # The other member was healthy, and its statuses still exist.
        write_statuses(changed_member.statuses, OTHER_MEMBERS[OTHER_GROUP], OLD_DIGEST)
        boto3.client("autoscaling", REGION).update_auto_scaling_group(
            AutoScalingGroupName=OTHER_GROUP, MinSize=0, DesiredCapacity=0
        )
        message = f"^{GROUP} is not replaced while another member is down: {OTHER_GROUP} has no machine"
        with pytest.raises(WaitError, match=message):
            changed_member.run(others=True)
        assert simulator.refreshes == []
        assert changed_member.statuses.status(STATUS_KEYS[0]) == OLD_DIGEST

    def test_a_member_is_not_replaced_while_another_is_unhealthy(
        self, changed_member: Replacement, simulator: RefreshSimulator
    ) -> None:
        create_group(OTHER_GROUP, 1)
        etcd, kubelet = OTHER_MEMBERS[OTHER_GROUP]
        write_statuses(changed_member.statuses, [etcd], OLD_DIGEST)
        # A machine that has just booted clears its status.
        write_statuses(changed_member.statuses, [kubelet], "")
        with pytest.raises(WaitError, match=f"{OTHER_GROUP} is not healthy: {kubelet} "):
            changed_member.run(others=True)
        assert simulator.refreshes == []

    def test_waits_for_another_member_to_recover(
        self, changed_member: Replacement, simulator: RefreshSimulator
    ) -> None:
        create_group(OTHER_GROUP, 1)
        timer = threading.Timer(
            0.3, lambda: write_statuses(changed_member.statuses, OTHER_MEMBERS[OTHER_GROUP], OLD_DIGEST)
        )
        timer.start()
        changed_member.run(polling=LONG_WAIT, others=True)
        timer.join()
        assert len(simulator.refreshes) == 1

    def test_a_member_that_was_never_created_does_not_block(
        self, changed_member: Replacement, simulator: RefreshSimulator
    ) -> None:
        changed_member.run(polling=LONG_WAIT, others=True)
        assert len(simulator.refreshes) == 1

    def test_an_up_to_date_member_waits_for_no_other(
        self, changed_member: Replacement, simulator: RefreshSimulator
    ) -> None:
        create_group(OTHER_GROUP, 1)
        write_statuses(changed_member.statuses, STATUS_KEYS, NEW_DIGEST)
        changed_member.run(others=True)
        assert simulator.refreshes == []

    def test_the_command_line_names_other_members(self) -> None:
        words = ["--region", REGION, "--bucket", "b", "--seconds", "1", "--beside", "a=k1,k2", "--beside"]
        args = parse_arguments([*words, "b=k3", "roll", GROUP, *STATUS_KEYS])
        assert dict(args.beside) == {"a": ["k1", "k2"], "b": ["k3"]}
        assert args.keys == STATUS_KEYS
