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
from dataclasses import dataclass

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from formats.lists import shorten_list
from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.environments import ENVIRONMENTS
from providers.azure.wait_clients import MachineGroups, RollingUpgrade, StatusStore
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

    `sets` are the ids of the scale sets. A node writes the status `<prefix>/<node>/<role>`. The time limit
    starts again whenever a rolling upgrade or a node progresses, because a large pool changes for hours.
    Raise WaitError after the time limit, or when an upgrade failed during the wait. A failure from before
    the wait counts only after `polling.stale_after`: Azure may still be about to start the new upgrade.
    """
    watched = [
        _WatchedSet(id, groups, statuses, (prefix, role, digest), groups.upgrade(id), polling) for id in sets
    ]
    deadline, progress = time.monotonic() + polling.limit, None
    while True:
        states = [each.read() for each in watched]
        message = "; ".join(state.missing for state in states if state.missing)
        if not message:
            return
        if progress != (progress := [state.progress for state in states]):
            deadline = time.monotonic() + polling.limit
        if time.monotonic() >= deadline:
            raise WaitError(f"{message} (no progress for {polling.limit:.0f} s); {_ADVICE}")
        time.sleep(polling.interval)


@dataclass(frozen=True)
class _SetState:
    """What a scale set lacks (empty: nothing), and a value that changes whenever the set progresses."""

    missing: str
    progress: object


class _WatchedSet:
    """A scale set that changes. `expected` are prefix, role and digest of its nodes' statuses; `old_upgrade`
    is the latest upgrade from before the wait.
    """

    def __init__(
        self,
        id: str,
        groups: MachineGroups,
        statuses: StatusStore,
        expected: tuple[str, str, str],
        old_upgrade: RollingUpgrade | None,
        polling: Polling,
    ) -> None:
        self._id, self._groups, self._statuses, self._expected = id, groups, statuses, expected
        self._old_upgrade = old_upgrade
        self._stale_time = time.monotonic() + polling.stale_after

    def read(self) -> _SetState:
        """Return the current state. Raise WaitError if the upgrade of the set has failed."""
        name = self._id.rsplit("/", 1)[-1]
        prefix, role, digest = self._expected
        desired, nodes = self._groups.capacity(self._id), self._groups.nodes(self._id)
        outdated = [node for node, latest in nodes.items() if not latest]
        keys = (f"{prefix}/{node}/{role}" for node in nodes)
        unreported = self._statuses.unreported_keys(keys, digest)
        missing = describe_unhealthy(unreported)
        missing = missing or (f"not replaced yet: {shorten_list(outdated, 3)}" if outdated else "")
        upgrade = self._groups.upgrade(self._id)
        # The failure of an older upgrade does not matter when every node is up to date.
        if missing and upgrade is not None and upgrade.reason and self._is_current(upgrade):
            raise WaitError(
                f"{name}: the replacement of its nodes ended: {upgrade.reason}; repair it, "
                "then run `up` again"
            )
        if len(nodes) < desired:
            missing = f"{name}: {len(nodes)} of {desired} nodes exist"
        progress = (upgrade, upgrade and upgrade.progress, sorted(nodes), outdated, unreported)
        return _SetState(missing, progress)

    def _is_current(self, upgrade: RollingUpgrade) -> bool:
        old = self._old_upgrade
        was_failed = old is not None and bool(old.reason)
        return upgrade != old or not was_failed or time.monotonic() >= self._stale_time


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
    parser.add_argument("--cloud", choices=ENVIRONMENTS, default="public")
    parser.add_argument("--management", default=None, help="URL of the management API of a lab")
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
    find_credential: Callable[[Mapping[str, str], str], TokenCredential] = deployer_credential,
) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)
    return run_program(
        lambda: _run_command(args, find_credential(os.environ, ENVIRONMENTS[args.cloud].login)),
        (CredentialError, AzureError, OSError),
    )


def _run_command(args: argparse.Namespace, token: TokenCredential) -> None:
    statuses = StatusStore(args.statuses, token, args.ca_file)
    management = ENVIRONMENTS[args.cloud].management
    groups = MachineGroups(args.management or management, token, args.ca_file, f"{management}/.default")
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
