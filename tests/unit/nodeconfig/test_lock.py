"""Tests of the lock of a host whose holder has not written its process id.

A run creates the lock and then writes its process id into it. The `sleep` of the emulated host acts as the
other run, so that no test depends on the time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testkit.host import LIMITED_SLEEP, MINIMAL_BUNDLE, EmulatedHost

# The other run writes its process id during the first call, and ends during the fourth.
STARTING = """#!/bin/sh
echo >>"$FAKE/slept"
case $(wc -l <"$FAKE/slept") in
1) cat "$FAKE/holder" >"$KUBEWRIGHT_ROOT/run/kubewright.lock/holder" ;;
4) rm -rf "$KUBEWRIGHT_ROOT/run/kubewright.lock" ;;
esac
"""
TAKEN_OVER_AFTER_READING = """#!/bin/sh
PATH=${PATH#*:} cat "$@" || exit
case $* in
*/kubewright.lock/holder)
    [ -e "$FAKE/taken-over" ] || PATH=${PATH#*:} cat "$FAKE/holder" >"$1"
    : >"$FAKE/taken-over" ;;
esac
"""
"""A `cat` after whose first call for the lock another run holds the lock."""


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    host.path("/run/kubewright.lock").mkdir(parents=True)
    return host


def times_slept(host: EmulatedHost) -> int:
    slept = host.fake / "slept"
    return len(slept.read_text().splitlines()) if slept.exists() else 0


def test_a_run_waits_for_another_run_that_has_just_created_the_lock(host: EmulatedHost) -> None:
    fields = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(") ", 1)[1].split()
    (host.fake / "holder").write_text(f"{os.getpid()} {fields[19]}\n")
    host.add_program("sleep", STARTING)
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    assert times_slept(host) == 4


def test_a_lock_that_another_run_has_taken_over_is_not_taken_again(host: EmulatedHost) -> None:
    """The first holder died. Another run takes the lock over after this run has read the first holder."""
    fields = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(") ", 1)[1].split()
    (host.fake / "holder").write_text(f"{os.getpid()} {fields[19]}\n")
    host.path("/run/kubewright.lock/holder").write_text(f"{os.getpid()} 1\n")
    host.add_program("cat", TAKEN_OVER_AFTER_READING)
    host.add_program("sleep", STARTING)
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    assert times_slept(host) == 4


def test_a_lock_is_taken_over_after_a_run_was_killed_in_between(host: EmulatedHost) -> None:
    host.path("/run/kubewright.lock/holder").write_text(f"{os.getpid()} 1\n")
    host.path("/run/kubewright.lock/taken").mkdir()
    host.add_program("sleep", LIMITED_SLEEP)
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    assert 0 < times_slept(host) < 50


def test_a_lock_whose_holder_died_before_it_wrote_its_process_id_is_taken_over(host: EmulatedHost) -> None:
    host.add_program("sleep", LIMITED_SLEEP)
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    assert 0 < times_slept(host) < 50
