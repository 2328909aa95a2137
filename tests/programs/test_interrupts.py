"""Tests of signals to a driver whose engine is a shell script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from automation.engine import interrupts
from automation.engine.interrupts import Interrupted

DRIVER = """
import subprocess, sys, time
from pathlib import Path
from automation.stacks import driver
from automation.engine import interrupts
from automation.engine.command import EngineCommand
from automation.engine.locks import StackInUse

interrupts.ABANDON_TIMEOUT = 0.5
here = Path(sys.argv[2])

def engine():
    EngineCommand(here / "bin").run(["up"], str(here), {}, on_output=lambda line: print(line, flush=True))

def waiting():
    print("begun", flush=True)
    def use(): raise StackInUse("in use by eve")
    driver.retry_while_in_use(use, 3600)

def preparing():
    print("begun", flush=True)
    subprocess.run(["sleep", "987654"])

terminate = interrupts.terminate_children
def terminate_slowly():
    terminate()
    time.sleep(0.5)  # the work returns before the main thread continues
interrupts.terminate_children = terminate_slowly

try:
    interrupts.run_one(globals()[sys.argv[1]])
    code = 0
except interrupts.Interrupted as error:
    print(f"error: {error}", flush=True)
    code = 1
interrupts.exit_if_abandoned(code)
sys.exit(code)
"""
# This engine ends half a second after the interrupt. Its child process runs until it is killed.
SLOW_ENGINE = """
count=0
trap 'count=$((count + 1)); echo "interrupts $count"; ended=$(($(date +%s%N) / 1000000 + 500))' INT
set -m
sleep 987654 >/dev/null 2>&1 &
echo $! >"$HERE/child"
set +m
ended=0
echo begun
while [ $ended = 0 ] || [ $(($(date +%s%N) / 1000000)) -lt $ended ]; do sleep 0.05; done
echo "ended"
exit 255
"""
HANGING_ENGINE = """
trap "echo interrupts" INT
echo $$ >"$HERE/child"
echo begun
while :; do sleep 0.05; done
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def has_ended(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.fixture
def start_driver(tmp_path: Path) -> Iterator[DriverStarter]:
    starter = DriverStarter(tmp_path)
    yield starter
    if starter.process is not None:
        starter.process.kill()
        starter.process.wait()
        assert starter.process.stdout is not None
        starter.process.stdout.close()


class DriverStarter:
    """A helper that starts the driver and reads its output up to the line `begun`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, work: str, engine: str = "") -> subprocess.Popen[str]:
        program = self.directory / "bin/pulumi"
        program.parent.mkdir()
        version = '[ "$1" = version ] && { echo v3.259.0; exit; }'
        program.write_text(f"#!/bin/sh\nHERE={self.directory}\n{version}\n{engine}")
        program.chmod(0o755)
        self.process = process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, work, str(self.directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            output.append(line)
            if line == "begun\n":
                return process
        raise AssertionError(f"the driver did not begin: {output}")

    @property
    def child(self) -> int:
        return int((self.directory / "child").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("group", [False, True])
def test_engine_is_interrupted_once_and_may_finish(
    start_driver: DriverStarter, number: signal.Signals, group: bool
) -> None:
    """Send a signal to the driver. If `group` is true, send it to the driver's process group first, as a
    terminal does.

    In both cases the engine receives one interrupt and finishes its running operations.
    """
    process = start_driver("engine", SLOW_ENGINE)
    if group:
        os.killpg(process.pid, number)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert "interrupts 1\n" in output
    assert "interrupts 2" not in output
    assert "ended\n" in output
    assert f"error: interrupted ({number.name}): running operations were finished; run the same" in output
    assert "Traceback" not in output
    assert process.returncode == 1
    assert has_ended(start_driver.child), "a child of the engine still runs"


def test_second_signal_kills_the_engine(start_driver: DriverStarter) -> None:
    process = start_driver("engine", HANGING_ENGINE)
    process.terminate()
    time.sleep(1.5)
    assert process.poll() is None
    start_time = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert time.monotonic() - start_time < 60
    assert "SIGTERM: killing the engine now" in output
    assert "error: interrupted (SIGTERM): running operations were killed; run the same command" in output
    assert process.returncode == 1
    assert has_ended(start_driver.child)


@pytest.mark.parametrize("engine", [HANGING_ENGINE, SLOW_ENGINE])
def test_engine_ends_when_the_driver_is_killed(start_driver: DriverStarter, engine: str) -> None:
    """The child processes of the engine end too, even in another process group."""
    process = start_driver("engine", engine)
    process.kill()
    process.wait()
    assert has_ended(start_driver.child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_stack_ends_at_once(start_driver: DriverStarter, number: signal.Signals) -> None:
    process = start_driver("waiting")
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert output == f"error: interrupted ({number.name}); nothing else was started\n"
    assert process.returncode == 1


def test_interrupted_preparation_is_abandoned_with_its_children(start_driver: DriverStarter) -> None:
    process = start_driver("preparing")
    deadline = time.monotonic() + 30
    child_pids: list[str] = []
    while not child_pids and time.monotonic() < deadline:
        for each in Path(f"/proc/{process.pid}/task").glob("*/children"):
            with suppress(OSError):  # the thread ended meanwhile
                child_pids += each.read_text().split()
    assert child_pids, "the preparation started no process"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "error: interrupted (SIGINT) during preparation" in output
    assert process.returncode == 1
    assert has_ended(int(child_pids[0]))


def test_ignored_signals_remain_ignored(start_driver: DriverStarter) -> None:
    """Test that with `nohup` the closed terminal does not end the run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start_driver("engine", SLOW_ENGINE)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert "interrupted (SIGTERM): running operations were finished" in output


def test_shutdown_starts_nothing_else_and_results_keep_their_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.1 * (3 - number))
        return number

    futures = interrupts.run_interruptible([lambda n=n: work(n) for n in range(3)], jobs=3)  # type: ignore[misc]
    assert [future.result() for future in futures] == [0, 1, 2]
    shutdown = interrupts.Shutdown(interruptible=True)
    shutdown.handle_signal(signal.SIGTERM)
    with pytest.raises(Interrupted, match=r"interrupted \(SIGTERM\); nothing else was started"):
        shutdown.raise_if_requested()
    with pytest.raises(Interrupted), shutdown.start_engine(["true"]):
        raise AssertionError("the engine started")
