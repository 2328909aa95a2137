"""Moto's Auto Scaling with what it has not: instance refreshes, played as AWS's reference describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3

from providers.aws.wait import Cloud
from providers.cloud.polling import Polling

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient


REGION: Final = "eu-central-1"
BUCKET, GROUP = "kubewright-test", "test-cp-1"
KEYS = ["status/members/control-plane/cp-1/etcd", "status/members/control-plane/cp-1/node"]
_IMAGE = "ami-12c6146b"
"""One that moto knows."""
OLD, NEW = "a" * 64, "b" * 64
QUICK, SLOW = Polling(limit=0.2, every=0.01), Polling(limit=5, every=0.01)


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


def vars_of(cloud: Cloud) -> dict[str, Any]:
    return {name: getattr(cloud, name) for name in ("s3", "autoscaling", "bucket", "patience")}
