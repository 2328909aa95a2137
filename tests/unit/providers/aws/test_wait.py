"""What `up` waits for on AWS, against moto's S3, EC2 and Auto Scaling.

Moto has no instance refresh: its two calls are played here as AWS's reference describes them, on the
group's real (moto's) machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
import pytest
from moto import mock_aws

from providers.aws import wait
from providers.aws.wait import Cloud
from providers.cloud.patience import NotThereError, Patience

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient

REGION: Final = "eu-central-1"
BUCKET, GROUP = "kubewright-test", "test-cp-1"
KEYS = ["status/members/control-plane/cp-1/etcd", "status/members/control-plane/cp-1/node"]
_IMAGE = "ami-12c6146b"
"""One that moto knows."""
OLD, NEW = "a" * 64, "b" * 64
QUICK, SLOW = Patience(limit=0.2, every=0.01), Patience(limit=5, every=0.01)


@dataclass
class Refreshing:
    """Moto's Auto Scaling with instance refreshes. `outcome` is what the next ones come to.

    `then` is what happens while one goes on: machines boot and write their status.
    """

    client: AutoScalingClient
    outcome: str = "Successful"
    then: Callable[[], None] = lambda: None
    begun: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.client, name)

    def start_instance_refresh(self, **arguments: object) -> dict[str, str]:
        if self.begun and self.begun[0]["Status"] == "InProgress":
            raise AssertionError("AWS refuses a second refresh while one goes on")
        identity = f"refresh-{len(self.begun)}"
        self.begun.insert(0, {**arguments, "InstanceRefreshId": identity, "Status": "InProgress"})
        self.asked = 0
        return {"InstanceRefreshId": identity}

    def describe_instance_refreshes(self, **_: object) -> dict[str, list[dict[str, Any]]]:
        """Newest first, as AWS lists them."""
        self.asked += 1
        if self.begun and self.begun[0]["Status"] == "InProgress" and self.asked > 1:
            self.begun[0] |= {"Status": self.outcome, "StatusReason": "machines did not come"}
            self.then()
        return {"InstanceRefreshes": self.begun[:1]}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def refreshing(account: None) -> Refreshing:
    return Refreshing(boto3.client("autoscaling", REGION))


@pytest.fixture
def cloud(refreshing: Refreshing) -> Cloud:
    s3 = boto3.client("s3", REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client = cast("AutoScalingClient", refreshing)
    return Cloud(s3=s3, autoscaling=client, bucket=BUCKET, patience=QUICK)


def say(cloud: Cloud, keys: list[str], digest: str) -> None:
    for key in keys:
        cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=f"{digest}\n".encode())


def group(name: str, size: int) -> list[str]:
    """A group of that many machines, of the first version of its template; their ids."""
    ec2, autoscaling = boto3.client("ec2", REGION), boto3.client("autoscaling", REGION)
    template = ec2.create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData={"ImageId": _IMAGE, "InstanceType": "t3.large"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=size,
        MaxSize=size,
        AvailabilityZones=[f"{REGION}a"],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
    )
    found = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return [machine["InstanceId"] for machine in found[0]["Instances"]]


class TestGate:
    def test_goes_on_when_every_role_is_healthy(self, cloud: Cloud) -> None:
        say(cloud, KEYS, NEW)
        wait.gate(cloud, KEYS, NEW)

    def test_says_which_role_is_not_there(self, cloud: Cloud) -> None:
        say(cloud, KEYS[:1], NEW)
        with pytest.raises(NotThereError, match=r"not healthy yet: status/.*/node \(waited"):
            wait.gate(cloud, KEYS, NEW)

    def test_an_older_status_is_none(self, cloud: Cloud) -> None:
        say(cloud, KEYS, OLD)
        with pytest.raises(NotThereError):
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


def vars_of(cloud: Cloud) -> dict[str, Any]:
    return {name: getattr(cloud, name) for name in ("s3", "autoscaling", "bucket", "patience")}


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
        with pytest.raises(NotThereError, match="not replaced yet: i-"):
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
        with pytest.raises(NotThereError, match="not healthy yet"):
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
        with pytest.raises(NotThereError, match=r"not healthy yet: status/.*/node "):
            wait.roll(cloud, GROUP, "1", KEYS, NEW)
        assert cloud.status(KEYS[0]) == NEW

    def test_a_machine_that_comes_and_is_not_healthy_stops_the_chain(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        group(GROUP, 1)
        say(cloud, KEYS, OLD)
        with pytest.raises(NotThereError, match="not healthy yet"):
            wait.roll(cloud, GROUP, "1", KEYS, NEW)

    def test_a_refresh_that_fails_says_why(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        refreshing.outcome = "Failed"
        with pytest.raises(NotThereError, match=r"test-cp-1: .*\(Failed\): machines did not come"):
            wait.roll(replace(cloud, patience=SLOW), GROUP, "1", KEYS, NEW)

    def test_one_that_goes_on_already_is_waited_for(self, cloud: Cloud, refreshing: Refreshing) -> None:
        group(GROUP, 1)
        refreshing.start_instance_refresh(AutoScalingGroupName=GROUP)
        refreshing.then = lambda: say(cloud, KEYS, NEW)
        wait.roll(replace(cloud, patience=SLOW), GROUP, "1", KEYS, NEW)
        assert [one["Status"] for one in refreshing.begun] == ["Successful", "Successful"]


class TestPool:
    def test_every_machine_must_be_a_healthy_node(self, cloud: Cloud) -> None:
        machines = group("test-pool", 3)
        prefix = "status/pools/general"
        say(cloud, [f"{prefix}/{machine}/node" for machine in machines[:2]], NEW)
        with pytest.raises(NotThereError, match=f"not healthy yet: {prefix}/{machines[2]}/node"):
            wait.pool(cloud, "test-pool", "1", prefix, "node", NEW)
        say(cloud, [f"{prefix}/{machines[2]}/node"], NEW)
        wait.pool(cloud, "test-pool", "1", prefix, "node", NEW)

    def test_machines_of_an_older_template_are_waited_for(self, cloud: Cloud) -> None:
        machines = group("test-pool", 2)
        say(cloud, [f"p/{machine}/node" for machine in machines], NEW)
        with pytest.raises(NotThereError, match="not replaced yet"):
            wait.pool(cloud, "test-pool", "2", "p", "node", NEW)

    def test_an_empty_pool_is_settled(self, cloud: Cloud) -> None:
        group("test-pool", 0)
        wait.pool(cloud, "test-pool", "1", "p", "node", NEW)

    def test_a_refresh_that_failed_matters_only_while_machines_are_behind(
        self, cloud: Cloud, refreshing: Refreshing
    ) -> None:
        machines = group("test-pool", 1)
        refreshing.begun = [{"Status": "Failed", "AutoScalingGroupName": "test-pool"}]
        with pytest.raises(NotThereError, match="ended"):
            wait.pool(cloud, "test-pool", "1", "p", "node", NEW)
        say(cloud, [f"p/{machines[0]}/node"], NEW)
        wait.pool(cloud, "test-pool", "1", "p", "node", NEW)

    def test_no_such_group(self, cloud: Cloud) -> None:
        with pytest.raises(NotThereError, match="there is no Auto Scaling group nowhere"):
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
        with pytest.raises(NotThereError, match="has not left yet"):
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
