"""Tests of what `status` says about copies of snapshots in targets."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from automation.operations import host_facts, status
from automation.operations.copy_facts import CopyFact, age_text, copy_problems, parse_copies, parse_trial
from automation.operations.health import find_problems
from automation.operations.host_facts import ServiceFact
from formats.quantity import format_bytes
from testkit.bundles import cluster
from tests.unit.automation.operations.test_health import ETCD, NOW, healthy_observation
from topology.model import Topology
from topology.snapshot_targets import Directory, SnapshotTarget

TARGET = SnapshotTarget(name="nas", store=Directory("/mnt/nas"), prefix="t", keep=3)
SECONDS = int(NOW.timestamp())
NAME = "etcd-20261119T220000Z-e-0.db.age"


def with_target() -> Topology:
    built = cluster(etcd=3, workers=1)
    return replace(built, snapshots=replace(built.snapshots, targets=(TARGET,)))


def problems(*records: str, etcd: str = "e-0") -> list[tuple[str, str, bool]]:
    """Return the problems about copies when a member has these records, and the others a new copy."""
    observed = healthy_observation()
    hosts = dict(observed.hosts)
    for name, facts in observed.facts.items():
        if facts.etcd is not None:
            lines = records if name == etcd else (f"nas copied {SECONDS} {NAME} 5 ab",)
            hosts[name] = replace(facts, etcd=replace(ETCD, leader=name == "e-0", copies=parse_copies(lines)))
    found = find_problems(with_target(), replace(observed, hosts=hosts))
    return [(problem.subject, problem.message, problem.serious) for problem in found]


def test_records_become_facts() -> None:
    [fact] = parse_copies([f"nas copied {SECONDS} {NAME} 77 ab", f"nas failed {SECONDS} no route to host"])
    assert fact == CopyFact("nas", NOW, NAME, 77, NOW, "no route to host")
    assert parse_copies(["", "nas", "nas copied soon x", "other line here"]) == ()


def test_new_copies_are_no_problem() -> None:
    assert problems(f"nas copied {SECONDS - 7 * 3600} {NAME} 5 ab") == []


def test_a_failure_has_its_reason_and_the_age_of_the_last_copy() -> None:
    found = problems(f"nas copied {SECONDS - 9 * 3600} {NAME} 5 ab", f"nas failed {SECONDS} access denied")
    reason = "no copy of the newest snapshot in target nas: access denied; the last copy is 9 h old"
    assert found == [("e-0", reason, True)]
    [(_, first, serious)] = problems(f"nas failed {SECONDS} access denied")
    assert (first, serious) == (reason.replace("the last copy is 9 h old", "it has no copy"), True)


def test_a_late_copy_is_serious_and_a_missing_one_a_warning() -> None:
    """A timer that does not run records no failure."""
    [(_, late, serious)] = problems(f"nas copied {SECONDS - 13 * 3600} {NAME} 5 ab")
    assert "the last copy in target nas is 13 h old" in late
    assert serious
    assert problems() == [("e-0", "no snapshot was copied to target nas yet", False)]


def test_copies_in_a_directory_and_in_another_region_are_watched() -> None:
    built = cluster(etcd=1)
    settings = replace(built.snapshots, copy_to="/mnt/nas", copy_to_cloud=True)
    lines = [f"copy_to copied {SECONDS} {NAME} 5 ab", f"snapshot_copies failed {SECONDS} access denied"]
    [member] = [machine.name for machine in built.etcd]
    found = copy_problems(replace(built, snapshots=settings), {member: parse_copies(lines)}, NOW)
    reason = "no copy of the newest snapshot in target snapshot_copies: access denied; it has no copy"
    assert [*found] == [(member, reason, True)]


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=9), "9 days"),
    ],
)
def test_age_is_in_its_largest_unit(age: timedelta, text: str) -> None:
    assert age_text(age) == text


def test_the_table_has_each_target_and_member() -> None:
    observed = healthy_observation()
    hosts = dict(observed.hosts)
    facts = observed.facts["e-1"]
    copies = parse_copies([f"nas copied {SECONDS - 3 * 3600} {NAME} 2048 ab", f"nas failed {SECONDS} full"])
    hosts["e-1"] = replace(facts, etcd=replace(ETCD, copies=copies))
    console = Console(width=200, record=True, file=StringIO())
    console.print(status.status_report(with_target(), replace(observed, hosts=hosts), []))
    rows = [line for line in console.export_text().splitlines() if line.split()[1:2] == ["nas"]]
    assert len(rows) == 3
    assert all(word in rows[1] for word in ("e-1", NAME, "3 h", format_bytes(2048), "failed: full"))
    assert "none" in rows[0]


def test_the_probe_reports_the_records_of_hosts(tmp_path: Path) -> None:
    records = tmp_path / "targets"
    records.mkdir()
    (records / "nas").write_text(f"copied {SECONDS} {NAME} 5 ab\nfailed {SECONDS} a reason\n")
    probe = (Path(host_facts.__file__).parent / "probe.sh").read_text()
    start = probe.index("    printf '@snapshot-copies")
    script = probe[start : probe.index("    printf '@snapshot-verified", start)].replace(
        "/var/lib/etcd-snapshots/targets", str(records)
    )
    output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert parse_copies(output.splitlines()) == (CopyFact("nas", NOW, NAME, 5, NOW, "a reason"),)


def with_trials() -> Topology:
    built = cluster(etcd=3, workers=1)
    return replace(built, snapshots=replace(built.snapshots, verify="weekly"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), ""),
        ((f"verified {SECONDS - 9 * 86400} {NAME} 40 7",), ""),
        (
            (f"verified {SECONDS - 11 * 86400} {NAME} 40 7",),
            "the last trial restore of a snapshot was 11 days ago",
        ),
        (
            (f"verified {SECONDS} {NAME} 40 7", f"failed {SECONDS} {NAME} has no keys"),
            f"the trial restore of a snapshot failed: {NAME} has no keys",
        ),
    ],
)
def test_failed_and_late_trial_restores_are_problems(lines: tuple[str, ...], message: str) -> None:
    observed = healthy_observation()
    facts = observed.facts["e-0"]
    trial = parse_trial(lines)
    hosts = {**observed.hosts, "e-0": replace(facts, etcd=replace(ETCD, leader=True, trial=trial))}
    found = find_problems(with_trials(), replace(observed, hosts=hosts))
    assert [(problem.subject, problem.serious) for problem in found] == ([("e-0", True)] if message else [])
    assert all(problem.message.startswith(message) for problem in found)
    assert parse_trial(lines).keys == (40 if lines else 0)


def test_services_of_timers_may_be_inactive_and_must_not_fail() -> None:
    observed = healthy_observation()
    facts = observed.facts["e-0"]
    for unit in ("etcd-verify.service", "etcd-defragment.service"):
        for state, count in {"inactive": 0, "activating": 0, "failed": 1}.items():
            services = (ServiceFact(unit, state, "exit-code", 0),)
            hosts = {**observed.hosts, "e-0": replace(facts, services=services)}
            assert len(find_problems(with_trials(), replace(observed, hosts=hosts))) == count
