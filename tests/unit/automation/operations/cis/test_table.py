"""Tests of the table: it has every check of the benchmark, and its paths and judges exist."""

from __future__ import annotations

from automation.operations.cis import policies, special, table
from automation.operations.cis.facts import PROCESSES
from automation.operations.cis.judges import matching_files
from testkit.bundles import cluster
from tests.unit.automation.operations.cis.conftest import delivered_facts

NUMBER_OF_CHECKS = {
    "1.1": 21,
    "1.2": 30,
    "1.3": 7,
    "1.4": 2,
    "2": 7,
    "3.1": 3,
    "3.2": 2,
    "4.1": 10,
    "4.2": 14,
    "4.3": 1,
    "5.1": 13,
    "5.2": 12,
    "5.3": 2,
    "5.4": 2,
    "5.5": 1,
    "5.6": 4,
}
"""The number of checks by section in version 2.0.1 of the benchmark."""


def test_table_has_every_check_of_the_benchmark() -> None:
    ids = [check.id for check in table.checks()]
    assert ids == [
        f"{section}.{number}" for section, count in NUMBER_OF_CHECKS.items() for number in range(1, count + 1)
    ]


def test_every_check_has_one_way_to_a_result() -> None:
    for check in table.checks():
        ways = [check.files, check.flags, check.keys, check.judge, check.manual]
        assert sum(map(bool, ways)) == 1, check.id
        assert bool(check.files) == bool(check.mode or check.owner), check.id
        assert not check.flags or check.process in PROCESSES, check.id
        described = bool(check.looks_at) or check.judge in ("permission", "pod_security")
        assert described == bool(check.judge), check.id
        judges = policies.JUDGES if check.where == "cluster" else special.JUDGES
        assert not check.judge or check.judge in judges, check.id


def test_every_judge_is_used() -> None:
    used = {check.judge for check in table.checks() if check.judge}
    assert used == {*policies.JUDGES, *special.JUDGES}


def test_every_path_is_on_a_host() -> None:
    facts = delivered_facts(cluster()).values()
    for pattern in table.patterns():
        assert any(matching_files(pattern, host.files) for host in facts), pattern
    for path in table.configuration_files():
        assert any(path in host.configurations for host in facts), path
