"""The program that waits for machines on AWS: it reads statuses in the store and replaces machines.

Run as `python3 -m providers.aws.wait publish|gate|roll|pool|leave …`, with the deployer's own credentials.
The exit code is 0 when the condition is met, and 1 with one line on stderr otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.wait_clients import MachineGroups, StatusStore
from providers.cloud.digests import publish_config
from providers.cloud.polling import (
    Missing,
    Polling,
    WaitError,
    describe_unhealthy,
    failures,
    join_missing,
    poll,
    run_program,
)

if TYPE_CHECKING:
    from types_boto3_autoscaling.type_defs import InstanceRefreshTypeDef

_ADVICE = "look at its console output, then run up again"
_RUNNING_STATUSES = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}
_FAILED_STATUSES = {"Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"}


def wait_for_statuses(statuses: StatusStore, keys: Sequence[str], digest: str, polling: Polling) -> None:
    """Wait until the status under each key in the store is the expected digest. Raise WaitError when there is
    no progress for the time limit.
    """
    poll(polling, lambda: _missing_statuses(statuses, keys, digest), _ADVICE)


def _missing_statuses(
    statuses: StatusStore, keys: Sequence[str], digest: str, before: str = "", after: str = ""
) -> Missing:
    """Return which keys lack the digest. `before` is another missing condition that comes first in the text,
    `after` a condition that counts when no key lacks the digest.
    """
    unreported = statuses.unreported_keys(keys, digest)
    return Missing(
        text=before or describe_unhealthy(unreported) or after,
        done=len(keys) - len(unreported),
        failures=failures(statuses.status, unreported),
    )


def replace_member(
    statuses: StatusStore,
    groups: MachineGroups,
    group: str,
    version: str,
    keys: Sequence[str],
    digest: str,
    polling: Polling,
    other_members: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Replace the machine of a member unless it is up to date, and wait until the new machine is healthy.

    `version` is the version of the launch template. `other_members` are status keys by Auto Scaling group:
    while one of these members is not healthy, the replacement does not start. Raise WaitError when there is
    no progress for the time limit, so that the next member is not replaced.
    """
    if not groups.describe_outdated(group, version) and not statuses.unreported_keys(keys, digest):
        return

    def describe_blocker() -> str:
        if progress := _describe_progress(groups.latest_refresh(group)):
            return progress
        unhealthy = groups.describe_unhealthy_member(other_members, statuses)
        return f"{group} is not replaced while another member is down: {unhealthy}" if unhealthy else ""

    poll(polling, describe_blocker, _ADVICE)
    if groups.describe_outdated(group, version):
        # A new image or type keeps the digest: the status of the old machine must not count for the new one.
        statuses.delete(keys)
    refresh_id = groups.start_refresh(group)

    def describe_replacement() -> Missing:
        outdated = groups.describe_outdated(group, version)
        refresh = groups.latest_refresh(group)
        missing = _missing_statuses(
            statuses, keys, digest, before=outdated, after=_describe_progress(refresh)
        )
        if missing.text and refresh and refresh.get("InstanceRefreshId") == refresh_id:
            _raise_if_failed(refresh)
        return missing

    poll(polling, describe_replacement, _ADVICE)


def wait_for_pool(
    statuses: StatusStore,
    groups: MachineGroups,
    names: Sequence[str],
    version: str,
    prefix: str,
    role: str,
    digest: str,
    polling: Polling,
) -> None:
    """Wait until the instance refreshes of the groups of a pool have ended and all machines report the
    digest.

    `names` are the names of the groups, `version` is the version of their launch template. A node writes the
    status `<prefix>/<instance>/<role>`. Afterwards, delete the statuses of machines that no longer exist.
    Raise WaitError when there is no progress for the time limit, or when a refresh failed.
    """

    def describe_unready(group: str) -> Missing:
        refresh = groups.latest_refresh(group)
        machines, _ = groups.machines(group)
        keys = [f"{prefix}/{machine['InstanceId']}/{role}" for machine in machines]
        progress = _describe_progress(refresh)
        outdated = groups.describe_outdated(group, version)
        missing = _missing_statuses(statuses, keys, digest, before=progress or outdated)
        if missing.text and not progress:
            # The failure of an older refresh does not matter when every machine is up to date.
            _raise_if_failed(refresh)
        return missing

    poll(polling, lambda: join_missing(map(describe_unready, names)), _ADVICE)
    running = {machine["InstanceId"] for name in names for machine in groups.machines(name)[0]}
    statuses.delete_statuses_of_others(prefix, running)


def leave_cluster(
    statuses: StatusStore, groups: MachineGroups, group: str, leave_key: str, left_key: str, polling: Polling
) -> None:
    """Request a member to leave the cluster permanently and wait until it has left.

    Return at once if the group has no machine: such a member cannot leave. Raise WaitError after the time
    limit.
    """
    try:
        machines, _ = groups.machines(group)
    except WaitError:
        machines = []
    if not machines:
        print(f"{group} has no machine that could leave the cluster", file=sys.stderr)
        return
    statuses.delete([left_key])
    statuses.put(leave_key, "leave\n")
    try:
        poll(
            polling,
            lambda: "" if statuses.status(left_key) else f"{group}: its machine has not left the cluster yet",
            _ADVICE,
        )
    finally:
        # A later member may have the same name.
        statuses.delete([leave_key])


def _describe_progress(refresh: InstanceRefreshTypeDef | None) -> str:
    """Return the progress of a running instance refresh as text; empty if the refresh has ended."""
    if refresh is None or refresh.get("Status") not in _RUNNING_STATUSES:
        return ""
    percent = refresh.get("PercentageComplete", 0)
    return f"{refresh.get('AutoScalingGroupName', '')}: {percent} % of its machines are replaced"


def _raise_if_failed(refresh: InstanceRefreshTypeDef | None) -> None:
    """Raise WaitError if the instance refresh failed or was canceled."""
    if refresh is not None and refresh.get("Status") in _FAILED_STATUSES:
        group, status = refresh.get("AutoScalingGroupName", ""), refresh.get("Status")
        reason = refresh.get("StatusReason", "no reason given")
        raise WaitError(f"{group}: the replacement of its machines ended ({status}): {reason}")


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.wait")
    parser.add_argument("--region", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--digest", default="")
    parser.add_argument("--version", default="", help="version of the launch template")
    parser.add_argument("--objects", default="", help="prefix of the objects whose old versions are deleted")
    parser.add_argument(
        "--beside", action="append", default=[], type=_parse_member, help="GROUP=KEY,KEY of a member"
    )
    parser.add_argument("--s3", default=None, help="URL of a private endpoint")
    parser.add_argument("--autoscaling", default=None, help="URL of a private endpoint")
    parser.add_argument("--ca-file", default=None, help="certificate authority of private endpoints")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, positions in {
        "gate": (),
        "roll": ("group",),
        "pool": ("prefix", "role"),
        "publish": ("prefix",),
        "leave": ("group", "leave_key", "left_key"),
    }.items():
        command = commands.add_parser(name)
        for position in positions:
            command.add_argument(position)
        if name in {"gate", "roll"}:
            command.add_argument("keys", nargs="+")
        if name == "pool":
            command.add_argument("groups", nargs="+")
        if name == "publish":
            command.add_argument("roles", nargs="+")
    return parser.parse_args(words)


def _parse_member(text: str) -> tuple[str, list[str]]:
    """Parse `GROUP=KEY,KEY` into the name of an Auto Scaling group and its status keys."""
    group, _, keys = text.partition("=")
    return group, keys.split(",")


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)
    return run_program(lambda: _run_command(args), (ClientError, BotoCoreError))


def _run_command(args: argparse.Namespace) -> None:
    config, verify = Config(retries={"max_attempts": 10, "mode": "adaptive"}), args.ca_file
    s3 = boto3.client("s3", args.region, endpoint_url=args.s3, verify=verify, config=config)
    autoscaling = boto3.client(
        "autoscaling", args.region, endpoint_url=args.autoscaling, verify=verify, config=config
    )
    statuses, groups = StatusStore(s3, args.bucket), MachineGroups(autoscaling)
    polling = Polling(limit=args.seconds)
    digest, version = args.digest, args.version
    match args.command:
        case "gate":
            wait_for_statuses(statuses, args.keys, digest, polling)
        case "roll":
            other_members = dict(args.beside)
            replace_member(statuses, groups, args.group, version, args.keys, digest, polling, other_members)
        case "pool":
            wait_for_pool(statuses, groups, args.groups, version, args.prefix, args.role, digest, polling)
        case "publish":
            publish_config(statuses.text, statuses.put, args.prefix, args.roles, digest)
        case "leave":
            leave_cluster(statuses, groups, args.group, args.leave_key, args.left_key, polling)
    if args.objects:
        statuses.delete_old_objects(args.objects, digest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
