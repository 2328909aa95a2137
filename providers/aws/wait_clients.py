"""Clients of the program `providers.aws.wait`: statuses in the store, and Auto Scaling groups."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from formats.lists import shorten_list
from providers.cloud.digests import outdated_keys
from providers.cloud.polling import WaitError, unreported_keys

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_autoscaling.type_defs import InstanceRefreshTypeDef, InstanceTypeDef
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ObjectTypeDef

_NOT_FOUND = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class StatusStore:
    """A client for the statuses that machines write to the store, and for other objects in the bucket."""

    s3: S3Client
    bucket: str

    def status(self, key: str) -> str:
        """Return the status under a key; empty when no machine has written it."""
        return self.text(key).strip()

    def text(self, key: str) -> str:
        """Return the text of an object; empty for a missing object."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_FOUND:
                return ""
            raise

    def unreported_keys(self, keys: Iterable[str], digest: str) -> list[str]:
        """Return the keys under which the store has no status or a status other than the expected digest."""
        return unreported_keys(self.status, keys, digest)

    def put(self, key: str, text: str) -> None:
        """Write an object to the store."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def delete_statuses_of_others(self, prefix: str, machines: Container[str]) -> None:
        """Delete the statuses `<prefix>/<machine>/<role>` of all machines except `machines`."""
        keys = (item["Key"] for item in self._list_objects(f"{prefix}/"))
        self.delete(key for key in keys if key.removeprefix(f"{prefix}/").partition("/")[0] not in machines)

    def delete_old_objects(self, prefix: str, digest: str) -> None:
        """Delete the objects of published configs that are no longer needed (`digests.outdated_keys`)."""
        objects = [(item["Key"], item["LastModified"]) for item in self._list_objects(f"{prefix}/")]
        self.delete(outdated_keys(objects, prefix, digest))

    def _list_objects(self, prefix: str) -> Iterator[ObjectTypeDef]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", [])

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the objects with these keys; a missing object is no error."""
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)


@dataclass(frozen=True)
class MachineGroups:
    """A client for the Auto Scaling groups of members and pools, by name of the group."""

    autoscaling: AutoScalingClient

    def latest_refresh(self, group: str) -> InstanceRefreshTypeDef | None:
        """Return the latest instance refresh of a group; None for a group that had no refresh."""
        response = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)
        return next(iter(response["InstanceRefreshes"]), None)

    def start_refresh(self, group: str) -> str:
        """Start the instance refresh of a group with one machine. Return the id of the refresh.

        AWS terminates the old machine first, because its interface and volume attach to one machine only. AWS
        does not replace a machine that already has the newest template, for example after an interrupted
        rollout.
        """
        response = self.autoscaling.start_instance_refresh(
            AutoScalingGroupName=group,
            Strategy="Rolling",
            Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0, "SkipMatching": True},
        )
        return response["InstanceRefreshId"]

    def machines(self, group: str) -> tuple[list[InstanceTypeDef], int]:
        """Return the machines of a group and its desired size.

        Raise WaitError if the group does not exist.
        """
        response = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        for description in response["AutoScalingGroups"]:
            return description["Instances"], description["DesiredCapacity"]
        raise WaitError(f"there is no Auto Scaling group {group}; run `up` to create it")

    def describe_outdated(self, group: str, version: str) -> str:
        """Return a message about machines that are missing or have another template version; empty if there
        are none.
        """
        machines, desired = self.machines(group)
        in_service = [machine for machine in machines if machine["LifecycleState"] == "InService"]
        outdated = [
            m["InstanceId"] for m in in_service if m.get("LaunchTemplate", {}).get("Version") != version
        ]
        if outdated:
            return f"{group}: not replaced yet: {shorten_list(outdated, 3)}"
        if len(in_service) < desired:
            return f"{group}: {len(in_service)} of {desired} machines are in service"
        return ""

    def describe_unhealthy_member(self, members: Mapping[str, Sequence[str]], statuses: StatusStore) -> str:
        """Return a message about the first member that is not healthy; empty when all members are healthy.

        `members` are status keys by Auto Scaling group. A group that was never created does not count.
        """
        response = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(members))
        for group in response["AutoScalingGroups"] if members else []:
            name = group["AutoScalingGroupName"]
            if not any(machine["LifecycleState"] == "InService" for machine in group["Instances"]):
                return f"{name} has no machine in service"
            if unhealthy := [key for key in members[name] if not statuses.status(key)]:
                return f"{name} is not healthy: {shorten_list(unhealthy, 3)}"
        return ""
