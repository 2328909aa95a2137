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
    KEYS,
    NEW,
    OLD,
    QUICK,
    REGION,
    SLOW,
    Refreshing,
    group,
    report,
)

OTHER = "test-cp-2"
OTHERS = {OTHER: ["status/members/control-plane/cp-2/etcd", "status/members/control-plane/cp-2/node"]}


@dataclass
class Replacement:
    """The arguments of `replace_member` that the tests share."""

    statuses: StatusStore
    groups: MachineGroups

    def run(self, version: str = "1", polling: Polling = QUICK, *, others: bool = False) -> None:
        other_members = OTHERS if others else {}
        replace_member(self.statuses, self.groups, GROUP, version, KEYS, NEW, polling, other_members)


@pytest.fixture
def replacement(statuses: StatusStore, groups: MachineGroups) -> Replacement:
    group(GROUP, 1)
    return Replacement(statuses, groups)


class TestReplaceMember:
    def test_replaces_the_machine_and_waits_until_it_is_healthy(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        report(replacement.statuses, KEYS, OLD)
        refreshing.on_success = lambda: report(replacement.statuses, KEYS, NEW)
        replacement.run(polling=SLOW)
        (started,) = refreshing.started
        assert started["AutoScalingGroupName"] == GROUP
        # Interface and volume attach to one machine only: the old machine terminates first.
        assert started["Preferences"]["MinHealthyPercentage"] == 0
        assert started["Preferences"]["SkipMatching"] is True

    def test_an_up_to_date_machine_is_not_replaced(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        report(replacement.statuses, KEYS, NEW)
        replacement.run()
        assert refreshing.started == []

    def test_a_new_template_version_replaces_a_healthy_machine(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        report(replacement.statuses, KEYS, NEW)
        with pytest.raises(WaitError, match="not replaced yet: i-"):
            replacement.run("2")
        assert len(refreshing.started) == 1

    def test_the_status_of_the_old_machine_does_not_count_for_the_new_one(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        """A new image changes no digest, and the next member must wait for this one."""
        report(replacement.statuses, KEYS, NEW)

        class Replaced(MachineGroups):
            def outdated(self, group: str, version: str) -> str:
                return "" if refreshing.started else super().outdated(group, version)

        replacement.groups = Replaced(replacement.groups.autoscaling)
        with pytest.raises(WaitError, match="not healthy yet"):
            replacement.run("2")
        assert len(refreshing.started) == 1
        # The next run after the failed one: the machine exists and reports its own status.
        refreshing.started[0]["Status"] = "Successful"
        refreshing.on_success = lambda: report(replacement.statuses, KEYS, NEW)
        replacement.run("2", SLOW)

    def test_a_machine_with_the_current_template_keeps_its_statuses(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        report(replacement.statuses, KEYS[:1], NEW)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node "):
            replacement.run()
        assert replacement.statuses.status(KEYS[0]) == NEW

    def test_an_unhealthy_new_machine_stops_the_rollout(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        report(replacement.statuses, KEYS, OLD)
        with pytest.raises(WaitError, match="not healthy yet"):
            replacement.run()

    def test_error_has_the_reason_of_a_failed_refresh(
        self, replacement: Replacement, refreshing: Refreshing
    ) -> None:
        refreshing.outcome = "Failed"
        with pytest.raises(WaitError, match=r"test-cp-1: .*\(Failed\): machines did not come"):
            replacement.run(polling=SLOW)

    def test_waits_for_a_running_refresh(self, replacement: Replacement, refreshing: Refreshing) -> None:
        refreshing.start_instance_refresh(AutoScalingGroupName=GROUP)
        refreshing.on_success = lambda: report(replacement.statuses, KEYS, NEW)
        replacement.run(polling=SLOW)
        assert [refresh["Status"] for refresh in refreshing.started] == ["Successful", "Successful"]


class TestOtherMembers:
    @pytest.fixture
    def changed(self, replacement: Replacement, refreshing: Refreshing) -> Replacement:
        """Return a member with a changed bundle."""
        report(replacement.statuses, KEYS, OLD)
        refreshing.on_success = lambda: report(replacement.statuses, KEYS, NEW)
        return replacement

    def test_a_member_is_not_replaced_while_another_has_no_machine(
        self, changed: Replacement, refreshing: Refreshing
    ) -> None:
        group(OTHER, 1)
        # The other member was healthy, and its statuses still exist.
        report(changed.statuses, OTHERS[OTHER], OLD)
        boto3.client("autoscaling", REGION).update_auto_scaling_group(
            AutoScalingGroupName=OTHER, MinSize=0, DesiredCapacity=0
        )
        message = f"^{GROUP} is not replaced while another member is down: {OTHER} has no machine"
        with pytest.raises(WaitError, match=message):
            changed.run(others=True)
        assert refreshing.started == []
        assert changed.statuses.status(KEYS[0]) == OLD

    def test_a_member_is_not_replaced_while_another_is_unhealthy(
        self, changed: Replacement, refreshing: Refreshing
    ) -> None:
        group(OTHER, 1)
        etcd, kubelet = OTHERS[OTHER]
        report(changed.statuses, [etcd], OLD)
        # A machine that has just booted clears its status.
        report(changed.statuses, [kubelet], "")
        with pytest.raises(WaitError, match=f"{OTHER} is not healthy: {kubelet} "):
            changed.run(others=True)
        assert refreshing.started == []

    def test_waits_for_another_member_to_recover(self, changed: Replacement, refreshing: Refreshing) -> None:
        group(OTHER, 1)
        timer = threading.Timer(0.3, lambda: report(changed.statuses, OTHERS[OTHER], OLD))
        timer.start()
        changed.run(polling=SLOW, others=True)
        timer.join()
        assert len(refreshing.started) == 1

    def test_a_member_that_was_never_created_does_not_block(
        self, changed: Replacement, refreshing: Refreshing
    ) -> None:
        changed.run(polling=SLOW, others=True)
        assert len(refreshing.started) == 1

    def test_an_up_to_date_member_waits_for_no_other(
        self, changed: Replacement, refreshing: Refreshing
    ) -> None:
        group(OTHER, 1)
        report(changed.statuses, KEYS, NEW)
        changed.run(others=True)
        assert refreshing.started == []

    def test_the_command_line_names_other_members(self) -> None:
        words = ["--region", REGION, "--bucket", "b", "--seconds", "1", "--beside", "a=k1,k2", "--beside"]
        args = parse_arguments([*words, "b=k3", "roll", GROUP, *KEYS])
        assert dict(args.beside) == {"a": ["k1", "k2"], "b": ["k3"]}
        assert args.keys == KEYS
