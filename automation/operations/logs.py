"""The `logs` command: shows the journal of a host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from shlex import quote

from automation.errors import UserError
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from providers.cloud.requests import CloudFailure

_TIMEOUT_SECONDS = 120
_DURATION = re.compile(r"[1-9]\d*[smhd]")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+")


def logs(target: Target, host: str, units: Sequence[str], since: str, lines: int) -> int:
    """Print the newest lines of the journal of a host. Return 0, or 1 when the host cannot be reached.

    `units` restricts the lines to these units; empty: all units. `since` is a duration such as `30m`, a time
    such as `2026-11-21T10:00:00Z`, or empty. Raise UserError for an unknown host or an invalid value.
    """
    if host not in target.hosts:
        raise UserError(f"{host}: not a host of the stack; its hosts are {', '.join(target.hosts)}")
    result = target.remote.run(host, journal_script(units, since, lines), timeout=_TIMEOUT_SECONDS)
    print(result.output, end="")
    if result.ok:
        return 0
    print(f"{host}: the journal cannot be read: {result.reason}")
    if not result.reached and isinstance(target.remote, StoreRemote):
        _print_boot(target.remote, host)
    return 1


def journal_script(units: Sequence[str], since: str, lines: int) -> str:
    """Return the script that prints the journal. Raise UserError for an invalid value."""
    for unit in units:
        if not _UNIT.fullmatch(unit):
            raise UserError(f"--unit {unit}: not a unit; give a name such as kubelet or etcd.service")
    words = [
        "journalctl",
        "--no-pager",
        "--quiet",
        "--output=short-iso",
        *(f"--unit={unit}" for unit in units),
    ]
    if not since:
        return f"LC_ALL=C {_join([*words, f'--lines={lines}'])}"
    # With --since, journalctl reads --lines as a number of oldest lines.
    return f"LC_ALL=C {_join([*words, f'--since={_since(since)}'])} | tail -n {lines}"


def _join(words: Sequence[str]) -> str:
    return " ".join(quote(word) for word in words)


def _since(text: str) -> str:
    """Return the start of the lines as journalctl accepts it."""
    if _DURATION.fullmatch(text):
        return f"-{text}"
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"--since {text}: not a duration or a time; give a value such as 30m, 2h or 2026-11-21T10:00:00Z"
        ) from None
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _print_boot(remote: StoreRemote, host: str) -> None:
    """Print what a machine that does not answer wrote elsewhere: its last boot failure, and its console."""
    try:
        failure = remote.boot_failure(host)
        console = remote.machines.console(remote.places[host])
    except CloudFailure as error:
        print(f"{host}: the cloud does not answer: {error}")
        return
    if failure:
        print(f"\nThe last failure of the boot of {host}:\n{failure}")
    print(f"\nThe console of {host}:\n{console.rstrip() or 'the cloud has no output'}")
