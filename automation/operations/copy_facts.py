"""Copies of snapshots in targets outside the hosts: what members record, and the problems that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from topology.model import Topology
from topology.options import LATE_INTERVALS, TRIAL_RESTORE_DAYS


@dataclass(frozen=True, slots=True)
class CopyFact:
    """What a member records about a target: its last copy, and a failure since then."""

    target: str
    copied: datetime | None = None
    name: str = ""
    size: int = 0
    failed: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrialFact:
    """What a member records about trial restores: time and snapshot of the last success, with its number of
    keys, and time and reason of a failure since then.
    """

    verified: datetime | None = None
    name: str = ""
    keys: int = 0
    failed: datetime | None = None
    reason: str = ""


NO_TRIAL = TrialFact()
"""The fact of a member that has made no trial restore."""


def parse_trial(lines: Iterable[str]) -> TrialFact:
    """Return the fact in lines `verified SECONDS NAME KEYS REVISION` and `failed SECONDS REASON`, which
    etcd-record.sh writes.
    """
    fact = TrialFact()
    for line in lines:
        match line.split(" ", 2):
            case ["verified", seconds, rest] if seconds.isdigit():
                name, keys, *_ = [*rest.split(), "", ""]
                fact = TrialFact(_time(seconds), name, int(keys) if keys.isdigit() else 0)
            case ["failed", seconds, reason] if seconds.isdigit():
                fact = TrialFact(fact.verified, fact.name, fact.keys, _time(seconds), reason)
    return fact


def trial_problems(
    topology: Topology, trials: Mapping[str, TrialFact], now: datetime
) -> Iterator[tuple[str, str, bool]]:
    """Yield the member, the message and the severity of each problem of trial restores."""
    verify = topology.snapshots.verify
    for member, fact in trials.items() if verify else ():
        if fact.failed is not None:
            yield member, f"the trial restore of a snapshot failed: {fact.reason}", True
        elif fact.verified is not None and now - fact.verified > timedelta(days=TRIAL_RESTORE_DAYS[verify]):
            yield (
                member,
                f"the last trial restore of a snapshot was {age_text(now - fact.verified)} ago; see "
                f"`kubewright logs --host {member} --unit etcd-verify`",
                True,
            )


def parse_copies(lines: Iterable[str]) -> tuple[CopyFact, ...]:
    """Return the facts in lines `TARGET copied SECONDS NAME SIZE SHA256` and `TARGET failed SECONDS REASON`,
    which etcd-record.sh writes. Ignore other lines.
    """
    facts: dict[str, CopyFact] = {}
    for line in lines:
        target, _, record = line.partition(" ")
        fact = facts.get(target, CopyFact(target))
        match record.split(" ", 2):
            case ["copied", seconds, rest] if seconds.isdigit():
                name, size, *_ = [*rest.split(), "", ""]
                fact = CopyFact(
                    target,
                    _time(seconds),
                    name,
                    int(size) if size.isdigit() else 0,
                    fact.failed,
                    fact.reason,
                )
            case ["failed", seconds, reason] if seconds.isdigit():
                fact = CopyFact(target, fact.copied, fact.name, fact.size, _time(seconds), reason)
            case _:
                continue
        facts[target] = fact
    return tuple(facts.values())


def copy_problems(
    topology: Topology, copies: Mapping[str, Sequence[CopyFact]], now: datetime
) -> Iterator[tuple[str, str, bool]]:
    """Yield the member, the message and the severity of each problem. `copies` has the facts by member.

    A target without a record is only a warning, because a new member may not have taken a snapshot yet.
    """
    for member, facts in copies.items():
        by_target = {fact.target: fact for fact in facts}
        for target in topology.snapshots.copy_targets:
            fact = by_target.get(target, CopyFact(target))
            if fact.failed is not None:
                last = (
                    f"the last copy is {age_text(now - fact.copied)} old" if fact.copied else "it has no copy"
                )
                yield (
                    member,
                    f"no copy of the newest snapshot in target {target}: {fact.reason}; {last}",
                    True,
                )
            elif fact.copied is None:
                yield member, f"no snapshot was copied to target {target} yet", False
            elif now - fact.copied > timedelta(seconds=LATE_INTERVALS * topology.snapshots.every):
                yield (
                    member,
                    f"the last copy in target {target} is {age_text(now - fact.copied)} old; see "
                    f"`kubewright logs --host {member} --unit etcd-snapshot`",
                    True,
                )


def age_text(age: timedelta) -> str:
    """Return an age in its largest unit, such as `3 h`."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
