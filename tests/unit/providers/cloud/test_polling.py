"""Tests of waits for machines: they end without progress, and tell the user about progress and failures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from formats.notices import FAILURE, PROGRESS
from providers.cloud.gate import pool_minutes
from providers.cloud.polling import Missing, Polling, WaitError, failures, join_missing, poll

FAST = Polling(limit=0.2, interval=0.05)


def test_progress_extends_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    """A pool of 200 nodes takes hours, and each healthy node shows that the wait is worth it."""
    numbers: Iterator[int] = iter(range(1, 12))

    def describe() -> Missing:
        done = next(numbers)
        return Missing(text=f"{done} of 12 nodes" if done < 11 else "", done=done)

    poll(FAST, describe, "look")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{PROGRESS}1 of 12 nodes"
    assert len(lines) == 10


def test_a_wait_without_progress_ends() -> None:
    with pytest.raises(WaitError, match=r"^3 of 12 nodes \(no progress for 0 s\); look$"):
        poll(FAST, lambda: Missing(text="3 of 12 nodes", done=3), "look")


def test_nodes_that_come_and_go_are_no_progress() -> None:
    counts: Iterator[int] = iter([4, *([3, 4] * 100)])
    with pytest.raises(WaitError):
        poll(FAST, lambda: Missing(text="some", done=next(counts)), "look")


def test_each_failure_of_a_machine_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    times: Iterator[int] = iter(range(100))

    def describe() -> Missing:
        return Missing(text="missing", failures={"cp-1": f"{next(times)}Z: etcd: no disk\nits journal\n"})

    with pytest.raises(WaitError, match="; cp-1: etcd: no disk; look"):
        poll(FAST, describe, "look")
    assert capsys.readouterr().err.splitlines() == [
        f"{FAILURE}cp-1: 0Z: etcd: no disk",
        f"{FAILURE}cp-1: its journal",
    ]


def test_failures_are_read_beside_the_statuses_of_unhealthy_machines() -> None:
    texts = {"status/pools/a/i-1/error": "Z: no disk\n", "status/pools/a/i-2/error": ""}
    keys = ["status/pools/a/i-1/node", "status/pools/a/i-2/node"]
    assert failures(lambda key: texts[key], keys) == {"i-1": "Z: no disk\n"}


def test_groups_miss_together_what_each_misses() -> None:
    parts = [Missing(text="a", done=1), Missing(text="", done=2), Missing(text="b", failures={"i": "x"})]
    assert join_missing(parts) == Missing(text="a; b", done=3, failures={"i": "x"})


def test_a_pool_has_time_for_each_batch() -> None:
    assert pool_minutes(1, 1, 300) == 75
    assert pool_minutes(200, 1, 300) == 60 + 200 * 15
    assert pool_minutes(200, 50, 300) == 60 + 4 * 15
