"""Tests of refused changes: a lost quorum of etcd members, and skipped minor versions."""

from __future__ import annotations

import pytest

from topology.transitions import find_member_problem, is_downgrade, skips_minor_version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "abc"),
        ("a", "a"),
        ("a", "abc"),
        ("abc", "abcde"),
        ("abcde", "bce"),
        ("abc", "abd"),
        ("abc", "c"),
        ("ab", "b"),
    ],
)
def test_changes_that_keep_the_quorum_are_supported(old: str, new: str) -> None:
    assert find_member_problem(old, new) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a", "b", "none of the members a remains, and they hold the cluster's data"),
        ("abc", "def", "none of the members a, b, c remains"),
        ("abc", "ade", "only 1 of 3 members would remain (a), fewer than the quorum of 2"),
        ("abcde", "a", "only 1 of 5 members would remain (a), fewer than the quorum of 3"),
        ("abcde", "abxyz", "only 2 of 5 members would remain (a, b), fewer than the quorum of 3"),
    ],
)
def test_changes_that_lose_the_quorum_are_refused(old: str, new: str, message: str) -> None:
    problem = find_member_problem(old, new)
    assert problem.startswith(message)
    assert "keep more than half of the members in each step" in problem


@pytest.mark.parametrize(
    ("old", "new", "skips", "lowers"),
    [
        ("1.35.6", "1.35.9", False, False),
        ("1.35.9", "1.35.6", False, False),
        ("1.35.6", "1.36.3", False, False),
        ("1.34.1", "1.36.3", True, False),
        ("1.36.3", "2.0.0", True, False),
        ("1.36.3", "1.35.6", False, True),
        ("3.9.0", "3.10.0", False, False),
    ],
)
def test_skipped_minor_versions_and_downgrades_are_detected(
    old: str, new: str, skips: bool, lowers: bool
) -> None:
    assert skips_minor_version(old, new) is skips
    assert is_downgrade(old, new) is lowers
