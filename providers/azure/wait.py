"""The program that waits for machines on Azure: it reads statuses in the store and checks scale sets.

Run as `python3 -m providers.azure.wait publish|gate|roll|pool|leave …`, with the deployer's own credentials.
The exit code is 0 when the condition is met, and 1 with one line on stderr otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from formats.lists import shorten_list
from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.environments import ENVIRONMENTS
from providers.azure.objects import INTERVAL, SECONDS, retry_refusals
from providers.azure.wait_clients import MachineGroups, RollingUpgrade, StatusStore
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

_ADVICE = "look at the machine's boot diagnostics, then run `up` again"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def wait_for_statuses(statuses: StatusStore, keys: Sequence[str], digest: str, polling: Polling) -> None:
    """Wait until the status under each key in the store is the expected digest. Raise WaitError when there is
    no progress for the time limit.
    """
    poll(polling, lambda: _missing_statuses(statuses, keys, digest), _ADVICE)


def _missing_statuses(
    statuses: StatusStore, keys: Sequence[str], digest: str, since: datetime = _EARLIEST, after: str = ""
) -> Missing:
    """Return which keys lack the digest. Statuses and failures from before `since` do not count. `after` is
    another missing condition that counts when no key lacks the digest.
    """
    unreported = statuses.unreported_keys(keys, digest, since)
    return Missing(
        text=describe_unhealthy(unreported) or after,
        done=len(keys) - len(unreported),
        failures=failures(lambda key: statuses.status(key, since), unreported),
    )


def wait_for_member(
    statuses: StatusStore,
    groups: MachineGroups,
    machine: str,
    keys: Sequence[str],
    digest: str,
    polling: Polling,
) -> None:
    """Wait for the statuses of the current machine of a member. Raise WaitError when there is no progress for
    the time limit.

    `machine` is the id of the machine. A status counts only if it was written after the creation of this
    machine: a machine that was replaced to change its image or size had the same digest.
    """
    since = groups.creation_time(machine).replace(microsecond=0)
    poll(polling, lambda: _missing_statuses(statuses, keys, digest, since), _ADVICE)


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

    `sets` are the ids of the scale sets. A node writes the status `<prefix>/<node>/<role>`. Progress is one
    more node with the latest model and the digest, or one more instance that a rolling upgrade has changed.
    Afterwards, delete the statuses of nodes that no longer exist. Raise WaitError when there is no progress
    for the time limit, or when an upgrade failed during the wait. A failure from before the wait counts only
    after `polling.stale_after`: Azure may still be about to start the new upgrade.
    """
    watched = [
        _WatchedSet(id, groups, statuses, (prefix, role, digest), groups.upgrade(id), polling) for id in sets
    ]
    poll(polling, lambda: join_missing(each.read() for each in watched), _ADVICE)
    nodes = {node for id in sets for node in groups.nodes(id)}
    statuses.delete_statuses_of_others(prefix, nodes)


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

    def read(self) -> Missing:
        """Return what the set misses. Raise WaitError if the upgrade of the set has failed."""
        name = self._id.rsplit("/", 1)[-1]
        prefix, role, digest = self._expected
        desired, nodes = self._groups.capacity(self._id), self._groups.nodes(self._id)
        outdated = [node for node, latest in nodes.items() if not latest]
        keys = {node: f"{prefix}/{node}/{role}" for node in nodes}
        text = f"not replaced yet: {shorten_list(outdated, 3)}" if outdated else ""
        missing = _missing_statuses(self._statuses, list(keys.values()), digest, after=text)
        upgrade = self._groups.upgrade(self._id)
        # The failure of an older upgrade does not matter when every node is up to date.
        if missing.text and upgrade is not None and upgrade.reason and self._is_current(upgrade):
            raise WaitError(
                f"{name}: the replacement of its nodes ended: {upgrade.reason}; repair it, "
                "then run `up` again"
            )
        return Missing(
            text=f"{name}: {len(nodes)} of {desired} nodes exist" if len(nodes) < desired else missing.text,
            done=missing.done + self._changed_instances(upgrade),
            failures=missing.failures,
        )

    def _changed_instances(self, upgrade: RollingUpgrade | None) -> int:
        """Return how many instances an upgrade has changed during the wait."""
        if upgrade is None:
            return 0
        before = self._old_upgrade.successful if upgrade == self._old_upgrade and self._old_upgrade else 0
        return upgrade.successful - before

    def _is_current(self, upgrade: RollingUpgrade) -> bool:
        old = self._old_upgrade
        was_failed = old is not None and bool(old.reason)
        return upgrade != old or not was_failed or time.monotonic() >= self._stale_time


def leave_cluster(
    objects: StatusStore,
    leave_key: str,
    statuses: StatusStore,
    left_key: str,
    polling: Polling,
    machine_exists: Callable[[], bool] = lambda: True,
) -> None:
    """Request a member to leave the cluster permanently and wait until it has left.

    Return at once if the member has no machine: such a member cannot leave. Delete the request and the
    response from the store afterwards, because a later member may have the same name. Raise WaitError after
    the time limit.
    """
    if not machine_exists():
        print(f"there is no machine that could leave the cluster: {leave_key}", file=sys.stderr)
        return
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
    parser.add_argument("--management", default=None, help="URL of a private endpoint")
    parser.add_argument("--ca-file", default=None)
    parser.add_argument("--described", help="digest of the machines; a change runs the command again")
    parser.add_argument("--machine", help="id of the machine of the command `leave`")
    parser.add_argument(
        "--old-objects",
        nargs=2,
        metavar=("CONTAINER", "PREFIX"),
        help="container and prefix of the objects whose old versions are deleted",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    publish = commands.add_parser("publish")
    publish.add_argument("digest")
    publish.add_argument("objects", help="URL of the container that the machines read")
    publish.add_argument("prefix")
    publish.add_argument("roles", nargs="+")
    gate = commands.add_parser("gate")
    gate.add_argument("digest")
    gate.add_argument("keys", nargs="+")
    roll = commands.add_parser("roll")
    roll.add_argument("machine_id", help="id of the machine")
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
        case "publish":
            _publish(StatusStore(args.objects, token, args.ca_file), args)
        case "gate":
            wait_for_statuses(statuses, args.keys, args.digest, polling)
        case "roll":
            wait_for_member(statuses, groups, args.machine_id, args.keys, args.digest, polling)
        case "pool":
            wait_for_pool(statuses, groups, args.sets, args.prefix, args.role, args.digest, polling)
        case "leave":
            leave_cluster(
                StatusStore(args.objects, token, args.ca_file),
                args.leave_key,
                statuses,
                args.left_key,
                polling,
                lambda: args.machine is None or groups.machine_exists(args.machine),
            )
    if args.old_objects:
        container, prefix = args.old_objects
        StatusStore(container, token, args.ca_file).delete_old_objects(prefix, args.digest)


def _publish(objects: StatusStore, args: argparse.Namespace) -> None:
    retry_refusals(
        lambda: publish_config(objects.text, objects.put, args.prefix, args.roles, args.digest),
        SECONDS,
        INTERVAL,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
