"""How a member is replaced on AWS: one at a time, and only as far as it must be."""

from __future__ import annotations

import threading
from dataclasses import replace

import boto3
import pytest

from providers.aws import wait
from providers.aws.wait import Cloud
from providers.cloud.polling import WaitError
from tests.unit.providers.aws.autoscaling import (
    GROUP,
    KEYS,
    NEW,
    OLD,
    REGION,
    SLOW,
    Refreshing,
    group,
    say,
    vars_of,
)


class TestRoll:
    def test_replaces_the_machine_and_waits_until_it_is_healthy(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        group(GROUP, 1)
        say(cloud, KEYS, OLD)
        refreshing.then = lambda: say(cloud, KEYS, NEW)
        wait.roll(replace(cloud, patience=SLOW), GROUP, "1", KEYS, NEW)
        (begun,) = refreshing.begun
        assert begun["AutoScalingGroupName"] == GROUP
        # The interface and the volume can be on one machine only: the old one goes first.
        assert begun["Preferences"]["MinHealthyPercentage"] == 0
        assert begun["Preferences"]["SkipMatching"] is True

    def test_one_that_is_as_it_should_be_is_left_alone(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        say(cloud, KEYS, NEW)
        wait.roll(cloud, GROUP, "1", KEYS, NEW)
        assert refreshing.begun == []

    def test_another_template_is_a_reason_by_itself(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        say(cloud, KEYS, NEW)
        with pytest.raises(WaitError, match="not replaced yet: i-"):
            wait.roll(cloud, GROUP, "2", KEYS, NEW)
        assert len(refreshing.begun) == 1

    def test_what_the_old_machine_said_does_not_speak_for_the_next_one(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        """A new image changes no digest, and the next member must not go before this one is back."""
        group(GROUP, 1)
        say(cloud, KEYS, NEW)

        class Replaced(Cloud):
            def outdated(self, group: str, version: str) -> str:
                return "" if refreshing.begun else super().outdated(group, version)

        replaced = Replaced(**vars_of(cloud))
        with pytest.raises(WaitError, match="not healthy yet"):
            wait.roll(replaced, GROUP, "2", KEYS, NEW)
        assert len(refreshing.begun) == 1
        # The next run, as the first one was given up: the machine is there, and says so by itself.
        refreshing.begun[0]["Status"] = "Successful"
        refreshing.then = lambda: say(cloud, KEYS, NEW)
        wait.roll(replace(replaced, patience=SLOW), GROUP, "2", KEYS, NEW)

    def test_a_machine_of_the_right_template_keeps_what_it_said(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        group(GROUP, 1)
        say(cloud, KEYS[:1], NEW)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node "):
            wait.roll(cloud, GROUP, "1", KEYS, NEW)
        assert cloud.status(KEYS[0]) == NEW

    def test_a_machine_that_comes_and_is_not_healthy_stops_the_chain(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        group(GROUP, 1)
        say(cloud, KEYS, OLD)
        with pytest.raises(WaitError, match="not healthy yet"):
            wait.roll(cloud, GROUP, "1", KEYS, NEW)

    def test_a_refresh_that_fails_says_why(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        refreshing.outcome = "Failed"
        with pytest.raises(WaitError, match=r"test-cp-1: .*\(Failed\): machines did not come"):
            wait.roll(replace(cloud, patience=SLOW), GROUP, "1", KEYS, NEW)

    def test_one_that_goes_on_already_is_waited_for(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        refreshing.start_instance_refresh(AutoScalingGroupName=GROUP)
        refreshing.then = lambda: say(cloud, KEYS, NEW)
        wait.roll(replace(cloud, patience=SLOW), GROUP, "1", KEYS, NEW)
        assert [one["Status"] for one in refreshing.begun] == ["Successful", "Successful"]


OTHER = "test-cp-2"
OTHERS = {OTHER: ["status/members/control-plane/cp-2/etcd", "status/members/control-plane/cp-2/node"]}


class TestBeside:
    def roll(self, cloud: Cloud) -> None:
        wait.roll(cloud, GROUP, "1", KEYS, NEW, OTHERS)

    @pytest.fixture
    def changing(self, cloud: Cloud, refreshing: Refreshing) -> Cloud:
        """A member whose bundle has changed."""
        group(GROUP, 1)
        say(cloud, KEYS, OLD)
        refreshing.then = lambda: say(cloud, KEYS, NEW)
        return cloud

    def test_a_member_is_not_taken_while_another_has_no_machine(
        self, changing: Cloud, refreshing: Refreshing
    ) -> None:
        group(OTHER, 1)
        # It was healthy, and what it said is there still.
        say(changing, OTHERS[OTHER], OLD)
        boto3.client("autoscaling", REGION).update_auto_scaling_group(
            AutoScalingGroupName=OTHER, MinSize=0, DesiredCapacity=0
        )
        with pytest.raises(
            WaitError,
            match=f"^{GROUP} is not replaced while another member is down: {OTHER} has no machine",
        ):
            self.roll(changing)
        assert refreshing.begun == []
        assert changing.status(KEYS[0]) == OLD

    def test_nor_while_another_is_not_healthy(self, changing: Cloud, refreshing: Refreshing) -> None:
        group(OTHER, 1)
        etcd, kubelet = OTHERS[OTHER]
        say(changing, [etcd], OLD)
        # As a machine that has booted says it.
        say(changing, [kubelet], "")
        with pytest.raises(WaitError, match=f"{OTHER} is not healthy: {kubelet} "):
            self.roll(changing)
        assert refreshing.begun == []

    def test_one_that_comes_back_is_waited_for(self, changing: Cloud, refreshing: Refreshing) -> None:
        group(OTHER, 1)
        timer = threading.Timer(0.3, lambda: say(changing, OTHERS[OTHER], OLD))
        timer.start()
        self.roll(replace(changing, patience=SLOW))
        timer.join()
        assert len(refreshing.begun) == 1

    def test_one_that_is_yet_to_be_made_is_not_missed(self, changing: Cloud, refreshing: Refreshing) -> None:
        self.roll(replace(changing, patience=SLOW))
        assert len(refreshing.begun) == 1

    def test_a_member_that_is_as_it_should_be_waits_for_nobody(
        self, changing: Cloud, refreshing: Refreshing
    ) -> None:
        group(OTHER, 1)
        say(changing, KEYS, NEW)
        self.roll(changing)
        assert refreshing.begun == []

    def test_the_command_line_names_them(self) -> None:
        words = ["--region", REGION, "--bucket", "b", "--seconds", "1", "--beside", "a=k1,k2", "--beside"]
        given = wait.arguments([*words, "b=k3", "roll", GROUP, *KEYS])
        assert dict(given.beside) == {"a": ["k1", "k2"], "b": ["k3"]}
        assert given.keys == KEYS
