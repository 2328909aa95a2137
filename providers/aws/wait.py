"""What `up` waits for on AWS, by the deployer's own credentials: status in the store, replaced machines.

Run as `python3 -m providers.aws.wait gate|roll|pool …`. It ends with 0 when what it waited for is there,
and with 1 and one line when it is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_autoscaling.type_defs import InstanceRefreshTypeDef
    from types_boto3_s3 import S3Client

_LOOK_EVERY = 5.0
_SIDE_BY_SIDE = 16
_GOING_ON = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
_GIVEN_UP = {"Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"}
_ABSENT = {"NoSuchKey", "404"}


class NotThereError(Exception):
    """What was waited for did not come, or cannot: one line for the administrator."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The clients, and how long anything is waited for (seconds)."""

    s3: S3Client
    autoscaling: AutoScalingClient
    bucket: str
    limit: float
    every: float = _LOOK_EVERY

    def status(self, key: str) -> str:
        """What a machine wrote there; empty when it has not yet."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode().strip()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                return ""
            raise

    def behind(self, keys: Iterable[str], digest: str) -> list[str]:
        """The keys whose status is not the digest."""
        names = list(keys)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            found = list(pool.map(self.status, names))
        return [key for key, status in zip(names, found, strict=True) if status != digest]

    def refresh(self, group: str) -> InstanceRefreshTypeDef | None:
        """The group's latest refresh."""
        answer = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)
        return next(iter(answer["InstanceRefreshes"]), None)

    def machines(self, group: str) -> tuple[list[str], int]:
        """The ids of the group's instances in service, and how many there should be.

        Raises NotThereError when there is no such group.
        """
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        for found in answer["AutoScalingGroups"]:
            serving = [i["InstanceId"] for i in found["Instances"] if i["LifecycleState"] == "InService"]
            return serving, found["DesiredCapacity"]
        raise NotThereError(f"there is no Auto Scaling group {group}; run `up` to make it")


def gate(cloud: Cloud, keys: Sequence[str], digest: str) -> None:
    """Waits until everything under the keys is healthy with that digest. Raises NotThereError."""
    _until(cloud, lambda: _said(cloud.behind(keys, digest)))


def roll(cloud: Cloud, group: str, keys: Sequence[str], digest: str) -> None:
    """Replaces the machine of a group of one unless it is what it should be; waits until it is healthy.

    Raises NotThereError, also when the machine that came is not healthy in time: the next is then not begun.
    """
    if not cloud.behind(keys, digest):
        return
    _until(cloud, lambda: _still(cloud.refresh(group)))
    begun = cloud.autoscaling.start_instance_refresh(
        AutoScalingGroupName=group,
        Strategy="Rolling",
        # Its interface and volume can be on one machine only: the old one goes first. One that was
        # started from the newest template already (an interrupted roll) is left as it is.
        Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0, "SkipMatching": True},
    )["InstanceRefreshId"]

    def healthy() -> str:
        waiting = _said(cloud.behind(keys, digest))
        refresh = cloud.refresh(group)
        if waiting and refresh and refresh.get("InstanceRefreshId") == begun:
            _given_up(refresh)
        return waiting or _still(refresh)

    _until(cloud, healthy)


def pool(cloud: Cloud, group: str, prefix: str, role: str, digest: str) -> None:
    """Waits until the group's refresh is over, and all of its machines are healthy nodes with that digest.

    A node writes `<prefix>/<instance>/<role>`. Raises NotThereError.
    """

    def settled() -> str:
        refresh = cloud.refresh(group)
        if waiting := _still(refresh):
            return waiting
        machines, wanted = cloud.machines(group)
        waiting = _said(cloud.behind((f"{prefix}/{machine}/{role}" for machine in machines), digest))
        if waiting:
            # A refresh that failed long ago does not matter once every machine is as it should be.
            _given_up(refresh)
        if len(machines) < wanted:
            return f"{len(machines)} of {wanted} machines of {group} are in service"
        return waiting

    _until(cloud, settled)


def _still(refresh: InstanceRefreshTypeDef | None) -> str:
    """What a refresh is still at, empty when it is over."""
    if refresh is None or refresh.get("Status") not in _GOING_ON:
        return ""
    done = refresh.get("PercentageComplete", 0)
    return f"{refresh.get('AutoScalingGroupName', '')}: {done} % of its machines are replaced"


def _given_up(refresh: InstanceRefreshTypeDef | None) -> None:
    """Raises NotThereError for a refresh that ended before its time."""
    if refresh is not None and refresh.get("Status") in _GIVEN_UP:
        group, reason = refresh.get("AutoScalingGroupName", ""), refresh.get("StatusReason")
        raise NotThereError(
            f"{group}: the replacement of its machines ended ({refresh.get('Status')}): {reason or 'no reason given'}"
        )


def _said(behind: Sequence[str]) -> str:
    if not behind:
        return ""
    more = f" and {len(behind) - 3} more" if len(behind) > 3 else ""
    return f"not healthy yet: {', '.join(behind[:3])}{more}"


def _until(cloud: Cloud, missing: Callable[[], str]) -> None:
    """Asks until nothing is missing. Raises NotThereError with what still is when the time is over."""
    deadline = time.monotonic() + cloud.limit
    while waiting := missing():
        if time.monotonic() >= deadline:
            raise NotThereError(
                f"{waiting} (waited {cloud.limit:.0f} s); look at the machine's console log, then run `up` again"
            )
        time.sleep(cloud.every)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program with its usage when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.wait")
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--digest", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--s3", default=None, help="a private endpoint")
    parser.add_argument("--autoscaling", default=None, help="a private endpoint")
    parser.add_argument("--ca-file", default=None)
    commands = parser.add_subparsers(dest="command", required=True)
    gates = commands.add_parser("gate")
    gates.add_argument("keys", nargs="+")
    rolls = commands.add_parser("roll")
    rolls.add_argument("group")
    rolls.add_argument("keys", nargs="+")
    pools = commands.add_parser("pool")
    pools.add_argument("group")
    pools.add_argument("prefix")
    pools.add_argument("role")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Does what the command line says; the program's exit code."""
    given = arguments(words)
    try:
        settings = Config(retries={"max_attempts": 10, "mode": "adaptive"}, s3={"addressing_style": "auto"})
        verify = given.ca_file or None
        cloud = Cloud(
            s3=boto3.client(
                "s3", region_name=given.region, endpoint_url=given.s3, verify=verify, config=settings
            ),
            autoscaling=boto3.client(
                "autoscaling",
                region_name=given.region,
                endpoint_url=given.autoscaling,
                verify=verify,
                config=settings,
            ),
            bucket=given.bucket,
            limit=given.seconds,
        )
        if given.command == "gate":
            gate(cloud, given.keys, given.digest)
        elif given.command == "roll":
            roll(cloud, given.group, given.keys, given.digest)
        else:
            pool(cloud, given.group, given.prefix, given.role, given.digest)
    except (NotThereError, ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
