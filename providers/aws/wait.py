"""What `up` waits for on AWS, by the deployer's own credentials: status in the store, replaced machines.

Run as `python3 -m providers.aws.wait gate|roll|pool|leave …`. It ends with 0 when what it waited for is
there, and with 1 and one line when it is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from providers.cloud.polling import Polling, WaitError, behind, ended, few, unhealthy, until

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_autoscaling.type_defs import InstanceRefreshTypeDef, InstanceTypeDef
    from types_boto3_s3 import S3Client

_ADVICE = "look at its console output, then run up again"
_GOING_ON = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
_GIVEN_UP = {"Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"}
_ABSENT = {"NoSuchKey", "404"}


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The clients, and how long anything is waited for."""

    s3: S3Client
    autoscaling: AutoScalingClient
    bucket: str
    patience: Polling

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
        return behind(self.status, keys, digest)

    def forget(self, keys: Iterable[str]) -> None:
        """Takes away what was written there: only a machine that comes after this writes it again."""
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def refresh(self, group: str) -> InstanceRefreshTypeDef | None:
        """The group's latest refresh."""
        answer = self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=group, MaxRecords=1)
        return next(iter(answer["InstanceRefreshes"]), None)

    def machines(self, group: str) -> tuple[list[InstanceTypeDef], int]:
        """The group's instances, and how many there should be in service.

        Raises NotThereError when there is no such group.
        """
        answer = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
        for found in answer["AutoScalingGroups"]:
            return found["Instances"], found["DesiredCapacity"]
        raise WaitError(f"there is no Auto Scaling group {group}; run `up` to make it")

    def down(self, others: Mapping[str, Sequence[str]]) -> str:
        """What is said of the first of these groups whose machine is not healthy; else empty.

        `others` are groups of one and the keys of their status. One that has never been made is not missed.
        """
        found = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(others))
        for group in found["AutoScalingGroups"] if others else []:
            name = group["AutoScalingGroupName"]
            if not any(machine["LifecycleState"] == "InService" for machine in group["Instances"]):
                return f"{name} has no machine in service"
            if silent := [key for key in others[name] if not self.status(key)]:
                return f"{name} is not healthy: {few(silent)}"
        return ""

    def outdated(self, group: str, version: str) -> str:
        """What is said of machines that are not of that version of their template, or too few; else empty."""
        machines, wanted = self.machines(group)
        serving = [machine for machine in machines if machine["LifecycleState"] == "InService"]
        old = [m["InstanceId"] for m in serving if m.get("LaunchTemplate", {}).get("Version") != version]
        if old:
            return f"{group}: not replaced yet: {few(old)}"
        if len(serving) < wanted:
            return f"{group}: {len(serving)} of {wanted} machines are in service"
        return ""


def gate(cloud: Cloud, keys: Sequence[str], digest: str) -> None:
    """Waits until everything under the keys is healthy with that digest. Raises NotThereError."""
    _until(cloud, lambda: unhealthy(cloud.behind(keys, digest)))


def roll(
    cloud: Cloud,
    group: str,
    version: str,
    keys: Sequence[str],
    digest: str,
    beside: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Replaces the machine of a group of one unless it is what it should be; waits until it is healthy.

    `version` is its template's. `beside` are other members' groups and the keys of their status: while one of
    them is down, this one is not taken as well. Raises NotThereError, also when the machine that came is not
    healthy in time: the next is then not begun.
    """
    if not cloud.outdated(group, version) and not cloud.behind(keys, digest):
        return

    def held_up() -> str:
        going_on = _still(cloud.refresh(group))
        other = "" if going_on else cloud.down(beside)
        return going_on or (f"{group} is not replaced while another member is down: {other}" if other else "")

    _until(cloud, held_up)
    if cloud.outdated(group, version):
        # A new image or type changes no digest: what the old machine said must not speak for the next one.
        cloud.forget(keys)
    begun = cloud.autoscaling.start_instance_refresh(
        AutoScalingGroupName=group,
        Strategy="Rolling",
        # Its interface and volume can be on one machine only: the old one goes first. One that was
        # started from the newest template already (an interrupted roll) is left as it is.
        Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0, "SkipMatching": True},
    )["InstanceRefreshId"]

    def healthy() -> str:
        waiting = cloud.outdated(group, version) or unhealthy(cloud.behind(keys, digest))
        refresh = cloud.refresh(group)
        if waiting and refresh and refresh.get("InstanceRefreshId") == begun:
            _given_up(refresh)
        return waiting or _still(refresh)

    _until(cloud, healthy)


def pool(cloud: Cloud, group: str, version: str, prefix: str, role: str, digest: str) -> None:
    """Waits until the group's refresh is over, and all of its machines are healthy nodes with that digest.

    `version` is its template's. A node writes `<prefix>/<instance>/<role>`. Raises NotThereError.
    """

    def settled() -> str:
        refresh = cloud.refresh(group)
        if waiting := _still(refresh):
            return waiting
        machines, _ = cloud.machines(group)
        keys = (f"{prefix}/{machine['InstanceId']}/{role}" for machine in machines)
        waiting = cloud.outdated(group, version) or unhealthy(cloud.behind(keys, digest))
        if waiting:
            # A refresh that failed long ago does not matter once every machine is as it should be.
            _given_up(refresh)
        return waiting

    _until(cloud, settled)


def leave(cloud: Cloud, group: str, key: str, left: str) -> None:
    """Tells a member to leave for good, and waits until it says that it has. Raises NotThereError.

    One without a machine cannot; its group goes then as it is.
    """
    try:
        machines, _ = cloud.machines(group)
    except WaitError:
        machines = []
    if not machines:
        print(f"{group} has no machine: nobody leaves", file=sys.stderr)
        return
    cloud.forget([left])
    cloud.s3.put_object(Bucket=cloud.bucket, Key=key, Body=b"leave\n")
    try:
        _until(cloud, lambda: "" if cloud.status(left) else f"{group}: its machine has not left yet")
    finally:
        # A member of that name may come again.
        cloud.forget([key])


def _still(refresh: InstanceRefreshTypeDef | None) -> str:
    """What a refresh is still at, empty when it is over."""
    if refresh is None or refresh.get("Status") not in _GOING_ON:
        return ""
    done = refresh.get("PercentageComplete", 0)
    return f"{refresh.get('AutoScalingGroupName', '')}: {done} % of its machines are replaced"


def _given_up(refresh: InstanceRefreshTypeDef | None) -> None:
    """Raises NotThereError for a refresh that ended before its time."""
    if refresh is not None and refresh.get("Status") in _GIVEN_UP:
        group, status = refresh.get("AutoScalingGroupName", ""), refresh.get("Status")
        reason = refresh.get("StatusReason", "no reason given")
        raise WaitError(f"{group}: the replacement of its machines ended ({status}): {reason}")


def _until(cloud: Cloud, missing: Callable[[], str]) -> None:
    until(cloud.patience, missing, _ADVICE)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program with its usage when it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.wait")
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--digest", default="")
    parser.add_argument("--version", default="", help="of the launch template")
    parser.add_argument("--beside", action="append", default=[], type=_member, help="GROUP=KEY,KEY: another")
    parser.add_argument("--s3", default=None, help="a private endpoint")
    parser.add_argument("--autoscaling", default=None, help="a private endpoint")
    parser.add_argument("--ca-file", default=None, help="the authority of private endpoints")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, positions in {
        "gate": (),
        "roll": ("group",),
        "pool": ("group", "prefix", "role"),
        "leave": ("group", "key", "left"),
    }.items():
        command = commands.add_parser(name)
        for position in positions:
            command.add_argument(position)
        if name in {"gate", "roll"}:
            command.add_argument("keys", nargs="+")
    return parser.parse_args(words)


def _member(text: str) -> tuple[str, list[str]]:
    group, _, keys = text.partition("=")
    return group, keys.split(",")


def cloud_of(given: argparse.Namespace) -> Cloud:
    """The clients that the command line asks for, with the deployer's own credentials."""
    settings = Config(retries={"max_attempts": 10, "mode": "adaptive"})
    verify = given.ca_file
    region = given.region
    return Cloud(
        s3=boto3.client("s3", region, endpoint_url=given.s3, verify=verify, config=settings),
        autoscaling=boto3.client(
            "autoscaling", region, endpoint_url=given.autoscaling, verify=verify, config=settings
        ),
        bucket=given.bucket,
        patience=Polling(limit=given.seconds),
    )


def main(words: Sequence[str]) -> int:
    """Does what the command line says; the program's exit code."""
    given = arguments(words)
    return ended(lambda: _do(given), (ClientError, BotoCoreError))


def _do(given: argparse.Namespace) -> None:
    cloud = cloud_of(given)
    match given.command:
        case "gate":
            gate(cloud, given.keys, given.digest)
        case "roll":
            roll(cloud, given.group, given.version, given.keys, given.digest, dict(given.beside))
        case "pool":
            pool(cloud, given.group, given.version, given.prefix, given.role, given.digest)
        case "leave":
            leave(cloud, given.group, given.key, given.left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
