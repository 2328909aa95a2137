"""Auto Scaling of the library moto, with simulated instance refreshes.

moto has no instance refreshes. The simulation follows the documentation of AWS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3

from providers.aws.wait_clients import StatusStore
from providers.cloud.polling import Polling

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient


REGION: Final = "eu-central-1"
BUCKET, GROUP = "kubewright-test", "test-cp-1"
STATUS_KEYS = ["status/members/control-plane/cp-1/etcd", "status/members/control-plane/cp-1/node"]
_IMAGE = "ami-12c6146b"
"""An image that moto provides."""
OLD_DIGEST, NEW_DIGEST = "a" * 64, "b" * 64
SHORT_WAIT, LONG_WAIT = Polling(limit=0.2, interval=0.01), Polling(limit=5, interval=0.01)


@dataclass
class RefreshSimulator:
    """Moto's Auto Scaling with instance refreshes. `outcome` is the final status of the next refreshes.

    `on_success` runs during a refresh: machines boot and write their status.
    """

    client: AutoScalingClient
    outcome: str = "Successful"
    on_success: Callable[[], None] = lambda: None
    refreshes: list[dict[str, Any]] = field(default_factory=list)
    polls: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.client, name)

    def start_instance_refresh(self, **arguments: object) -> dict[str, str]:
        if self.refreshes and self.refreshes[0]["Status"] == "InProgress":
            raise AssertionError("AWS rejects a second refresh during a refresh")
        identity = f"refresh-{len(self.refreshes)}"
        self.refreshes.insert(0, {**arguments, "InstanceRefreshId": identity, "Status": "InProgress"})
        self.polls = 0
        return {"InstanceRefreshId": identity}

    def describe_instance_refreshes(self, **_: object) -> dict[str, list[dict[str, Any]]]:
        """Return the newest refresh first, as AWS does."""
        self.polls += 1
        if self.refreshes and self.refreshes[0]["Status"] == "InProgress" and self.polls > 1:
            self.refreshes[0] |= {"Status": self.outcome, "StatusReason": "machines did not come"}
            self.on_success()
        return {"InstanceRefreshes": self.refreshes[:1]}


def write_statuses(statuses: StatusStore, keys: list[str], digest: str) -> None:
    """Write the digest as the status under each key, as healthy machines do."""
    for key in keys:
        statuses.put(key, f"{digest}\n")


def create_group(name: str, size: int) -> list[str]:
    """Create a group of machines with the first version of its template; return their ids."""
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
    response = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return [machine["InstanceId"] for machine in response[0]["Instances"]]
