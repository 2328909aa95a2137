"""What `up` waits for on AWS, against moto's S3, EC2 and Auto Scaling.

Moto has no instance refresh: its two calls are played here as AWS's reference describes them, on the
group's real (moto's) machines.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.aws import wait
from providers.aws.wait import Cloud
from providers.cloud.polling import WaitError
from tests.unit.providers.aws.autoscaling import (
    BUCKET,
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


class TestGate:
    def test_goes_on_when_every_role_is_healthy(self, cloud: Cloud) -> None:
        say(cloud, KEYS, NEW)
        wait.gate(cloud, KEYS, NEW)

    def test_says_which_role_is_not_there(self, cloud: Cloud) -> None:
        say(cloud, KEYS[:1], NEW)
        with pytest.raises(WaitError, match=r"not healthy yet: status/.*/node \(waited"):
            wait.gate(cloud, KEYS, NEW)

    def test_an_older_status_is_none(self, cloud: Cloud) -> None:
        say(cloud, KEYS, OLD)
        with pytest.raises(WaitError):
            wait.gate(cloud, KEYS, NEW)

    def test_waits_for_what_comes(self, cloud: Cloud) -> None:
        class Later(Cloud):
            asked = 0

            def status(self, key: str) -> str:
                Later.asked += 1
                if Later.asked == 4:
                    say(self, KEYS, NEW)
                return super().status(key)

        wait.gate(Later(**{**vars_of(cloud), "patience": SLOW}), KEYS, NEW)
        assert Later.asked >= 4

    def test_a_store_that_refuses_is_an_error(self, cloud: Cloud) -> None:
        from botocore.exceptions import ClientError

        with pytest.raises(ClientError):
            wait.gate(replace(cloud, bucket="not-ours"), KEYS, NEW)


class TestPool:
    def test_every_machine_must_be_a_healthy_node(self, cloud: Cloud) -> None:
        machines = group("test-pool", 3)
        prefix = "status/pools/general"
        say(cloud, [f"{prefix}/{machine}/node" for machine in machines[:2]], NEW)
        with pytest.raises(WaitError, match=f"not healthy yet: {prefix}/{machines[2]}/node"):
            wait.pool(cloud, "test-pool", "1", prefix, "node", NEW)
        say(cloud, [f"{prefix}/{machines[2]}/node"], NEW)
        wait.pool(cloud, "test-pool", "1", prefix, "node", NEW)

    def test_machines_of_an_older_template_are_waited_for(self, cloud: Cloud) -> None:
        machines = group("test-pool", 2)
        say(cloud, [f"p/{machine}/node" for machine in machines], NEW)
        with pytest.raises(WaitError, match="not replaced yet"):
            wait.pool(cloud, "test-pool", "2", "p", "node", NEW)

    def test_an_empty_pool_is_settled(self, cloud: Cloud) -> None:
        group("test-pool", 0)
        wait.pool(cloud, "test-pool", "1", "p", "node", NEW)

    def test_a_refresh_that_failed_matters_only_while_machines_are_behind(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        machines = group("test-pool", 1)
        refreshing.begun = [{"Status": "Failed", "AutoScalingGroupName": "test-pool"}]
        with pytest.raises(WaitError, match="ended"):
            wait.pool(cloud, "test-pool", "1", "p", "node", NEW)
        say(cloud, [f"p/{machines[0]}/node"], NEW)
        wait.pool(cloud, "test-pool", "1", "p", "node", NEW)

    def test_no_such_group(self, cloud: Cloud) -> None:
        with pytest.raises(WaitError, match="there is no Auto Scaling group nowhere"):
            wait.pool(cloud, "nowhere", "1", "p", "node", NEW)


class TestLeave:
    def test_tells_the_machine_and_waits_for_its_word(self, cloud: Cloud) -> None:
        group(GROUP, 1)

        class Obedient(Cloud):
            def status(self, key: str) -> str:
                told = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="members/")["KeyCount"]
                return OLD if told else ""

        wait.leave(Obedient(**vars_of(cloud)), GROUP, "members/cp-1/leave", "status/cp-1/left")
        # One of that name that comes again is not told to go.
        assert cloud.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0

    def test_an_old_word_does_not_count(self, cloud: Cloud) -> None:
        group(GROUP, 1)
        say(cloud, ["status/cp-1/left"], OLD)
        with pytest.raises(WaitError, match="has not left yet"):
            wait.leave(cloud, GROUP, "members/cp-1/leave", "status/cp-1/left")

    def test_without_a_machine_nobody_leaves(self, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
        wait.leave(cloud, "gone", "members/cp-1/leave", "status/cp-1/left")
        assert "nobody leaves" in capsys.readouterr().err


class TestProgram:
    def test_one_line_and_a_code_when_it_fails(
        self, cloud: Cloud, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--region", REGION, "--bucket", BUCKET, "--seconds", "0", "--digest", NEW, "gate", *KEYS]
        assert wait.main(words) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: not healthy yet")
        assert error.count("\n") == 1

    def test_goes_well(self, cloud: Cloud) -> None:
        say(cloud, KEYS, NEW)
        words = ["--region", REGION, "--bucket", BUCKET, "--seconds", "9", "--digest", NEW, "gate", *KEYS]
        assert wait.main(words) == 0

    def test_a_bucket_that_is_not_there_is_one_line(
        self, account: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--region", REGION, "--bucket", "nowhere", "--seconds", "0", "--digest", NEW, "gate", "k"]
        assert wait.main(words) == 1
        assert "NoSuchBucket" in capsys.readouterr().err
