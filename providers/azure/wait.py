"""The program that waits for machines on Azure: it reads statuses in the store and checks scale sets.

Run as `python3 -m providers.azure.wait gate|roll|pool|leave …`, with the deployer's own credentials. The exit
code is 0 when the condition is met, and 1 with one line on stderr otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from formats.lists import shorten_list
from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.wait_clients import MANAGEMENT, FailedUpgrade, MachineGroups, StatusStore
from providers.cloud.polling import (
    Polling,
    WaitError,
    describe_unhealthy,
    poll,
    run_program,
)

_ADVICE = "look at the machine's boot diagnostics, then run `up` again"


def wait_for_statuses(statuses: StatusStore, keys: Sequence[str], digest: str, polling: Polling) -> None:
    """Wait until the status under each key in the store is the expected digest. Raise WaitError after the
    time limit.
    """
    poll(polling, lambda: describe_unhealthy(statuses.unreported_keys(keys, digest)), _ADVICE)


def wait_for_member(
    statuses: StatusStore,
    groups: MachineGroups,
    machine: str,
    keys: Sequence[str],
    digest: str,
    polling: Polling,
) -> None:
    """Wait for the statuses of the current machine of a member. Raise WaitError after the time limit.

    `machine` is the id of the machine. A status counts only if it was written after the creation of this
    machine: a machine that was replaced to change its image or size had the same digest.
    """
    since = groups.creation_time(machine).replace(microsecond=0)
    poll(polling, lambda: describe_unhealthy(statuses.unreported_keys(keys, digest, since)), _ADVICE)


def wait_for_pool(
    statuses: StatusStore,
    groups: MachineGroups,
    sets: Sequence[str],
    prefix: str,
    role: str,
    digest: str,
    polling: Polling,
) -> None:
    """Wait until the scale sets of a pool are complete, and all nodes have the latest model and the digest.

    `sets` are the ids of the scale sets. A node writes the status `<prefix>/<node>/<role>`. Raise WaitError
    after the time limit, or when an upgrade failed during the wait. A failure from before the wait counts
    only after `polling.stale_after`: Azure may still be about to start the new upgrade.
    """
    old_failures = {id: groups.failed_upgrade(id) for id in sets}
    stale_time = time.monotonic() + polling.stale_after

    def current_failure(id: str) -> FailedUpgrade | None:
        failure = groups.failed_upgrade(id)
        return failure if failure != old_failures[id] or time.monotonic() >= stale_time else None

    def describe_unready(id: str) -> str:
        name = id.rsplit("/", 1)[-1]
        desired, nodes = groups.capacity(id), groups.nodes(id)
        outdated = [node for node, latest in nodes.items() if not latest]
        keys = (f"{prefix}/{node}/{role}" for node in nodes)
        message = describe_unhealthy(statuses.unreported_keys(keys, digest))
        message = message or (f"not replaced yet: {shorten_list(outdated, 3)}" if outdated else "")
        # The failure of an older upgrade does not matter when every node is up to date.
        if message and (failure := current_failure(id)):
            raise WaitError(
                f"{name}: the replacement of its nodes ended: {failure.reason}; repair it, "
                "then run `up` again"
            )
        if len(nodes) < desired:
            return f"{name}: {len(nodes)} of {desired} nodes exist"
        return message

    poll(polling, lambda: "; ".join(filter(None, map(describe_unready, sets))), _ADVICE)


def leave_cluster(
    objects: StatusStore, leave_key: str, statuses: StatusStore, left_key: str, polling: Polling
) -> None:
    """Request a member to leave the cluster permanently and wait until it has left.

    Delete the request and the response from the store afterwards, because a later member may have the same
    name. Raise WaitError after the time limit.
    """
    statuses.delete(left_key)
    objects.put(leave_key, "leave\n")
    try:
        poll(
            polling,
            lambda: "" if statuses.status(left_key) else f"the member has not left the cluster: {leave_key}",
            _ADVICE,
        )
    finally:
        objects.delete(leave_key)
    statuses.delete(left_key)


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.azure.wait")
    parser.add_argument("--statuses", required=True, help="URL of the container of statuses")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--management", default=MANAGEMENT)
    parser.add_argument("--ca-file", default=None)
    parser.add_argument("--described", help="digest of the machines; a change runs the command again")
    commands = parser.add_subparsers(dest="command", required=True)
    gate = commands.add_parser("gate")
    gate.add_argument("digest")
    gate.add_argument("keys", nargs="+")
    roll = commands.add_parser("roll")
    roll.add_argument("machine", help="id of the machine")
    roll.add_argument("digest")
    roll.add_argument("keys", nargs="+")
    pool = commands.add_parser("pool")
    pool.add_argument("digest")
    pool.add_argument("prefix")
    pool.add_argument("role")
    pool.add_argument("sets", nargs="+", help="ids of scale sets")
    leave = commands.add_parser("leave")
    leave.add_argument("objects", help="URL of the container that the member reads")
    leave.add_argument("leave_key")
    leave.add_argument("left_key")
    return parser.parse_args(words)


def main(
    words: Sequence[str],
    find_credential: Callable[[Mapping[str, str]], TokenCredential] = deployer_credential,
) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)
    return run_program(
        lambda: _run_command(args, find_credential(os.environ)), (CredentialError, AzureError, OSError)
    )


def _run_command(args: argparse.Namespace, token: TokenCredential) -> None:
    statuses = StatusStore(args.statuses, token, args.ca_file)
    groups = MachineGroups(args.management, token, args.ca_file)
    polling = Polling(limit=args.seconds)
    match args.command:
        case "gate":
            wait_for_statuses(statuses, args.keys, args.digest, polling)
        case "roll":
            wait_for_member(statuses, groups, args.machine, args.keys, args.digest, polling)
        case "pool":
            wait_for_pool(statuses, groups, args.sets, args.prefix, args.role, args.digest, polling)
        case "leave":
            objects = StatusStore(args.objects, token, args.ca_file)
            leave_cluster(objects, args.leave_key, statuses, args.left_key, polling)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
