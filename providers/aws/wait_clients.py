"""Clients of `wait`: statuses in the store, and Auto Scaling groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from providers.cloud.polling import WaitError, shorten_list, unreported_keys

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_autoscaling.type_defs import InstanceRefreshTypeDef, InstanceTypeDef
    from types_boto3_s3 import S3Client

_NOT_FOUND = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class StatusStore:
    """The statuses that machines write to the store."""

    s3: S3Client
    bucket: str

    def status(self, key: str) -> str:
        """Return the status under a key; empty when no machine has written it."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode().strip()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_FOUND:
                return ""
            raise

    def unreported(self, keys: Iterable[str], digest: str) -> list[str]:
        """Return the keys whose status is not the digest."""
        return unreported_keys(self.status, keys, digest)

    def put(self, key: str, text: str) -> None:
        """Write an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def delete(self, keys: Iterable[str]) -> None:
        """Delete statuses, so that only later machines can write them again."""
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)


@dataclass(frozen=True)
class MachineGroups:
    """The Auto Scaling groups of members and pools."""

    autoscaling: AutoScalingClient

    def refresh(self, group: str) -> InstanceRefreshTypeDef | None:
        """Return the latest instance refresh of a group; None without one."""
        answer = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)
        return next(iter(answer["InstanceRefreshes"]), None)

    def start_refresh(self, group: str) -> str:
        """Start replacing the machine of a group of one. Return the id of the refresh.

        The old machine terminates first, because its interface and volume attach to one machine only. A
        machine that already has the newest template (from an interrupted rollout) stays.
        """
        answer = self.autoscaling.start_instance_refresh(
            AutoScalingGroupName=group,
            Strategy="Rolling",
            Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0, "SkipMatching": True},
        )
        return answer["InstanceRefreshId"]

    def machines(self, group: str) -> tuple[list[InstanceTypeDef], int]:
        """Return the machines of a group and its desired size. Raise WaitError without such a group."""
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        for description in answer["AutoScalingGroups"]:
            return description["Instances"], description["DesiredCapacity"]
        raise WaitError(f"there is no Auto Scaling group {group}; run `up` to create it")

    def outdated(self, group: str, version: str) -> str:
        """Return a message about missing machines or older templates; empty for an up-to-date group."""
        machines, desired = self.machines(group)
        serving = [machine for machine in machines if machine["LifecycleState"] == "InService"]
        old = [m["InstanceId"] for m in serving if m.get("LaunchTemplate", {}).get("Version") != version]
        if old:
            return f"{group}: not replaced yet: {shorten_list(old)}"
        if len(serving) < desired:
            return f"{group}: {len(serving)} of {desired} machines are in service"
        return ""

    def unhealthy_member(self, members: Mapping[str, Sequence[str]], statuses: StatusStore) -> str:
        """Return a message about the first member that is not healthy; empty when all are.

        `members` are groups with their status keys. A group that was never created does not count.
        """
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(members))
        for group in answer["AutoScalingGroups"] if members else []:
            name = group["AutoScalingGroupName"]
            if not any(machine["LifecycleState"] == "InService" for machine in group["Instances"]):
                return f"{name} has no machine in service"
            if missing := [key for key in members[name] if not statuses.status(key)]:
                return f"{name} is not healthy: {shorten_list(missing)}"
        return ""
