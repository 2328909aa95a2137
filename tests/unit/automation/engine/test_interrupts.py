"""Signals to a driver whose engine is a shell script: told once, waited for, and nothing of it left."""

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
import subprocess, sys
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
    def use(): raise StackInUse("eve works on it")
    driver.retry_while_in_use(use, 3600)

def preparing():
    print("begun", flush=True)
    subprocess.run(["sleep", "987654"])

try:
    interrupts.run_one(globals()[sys.argv[1]])
    code = 0
except interrupts.Interrupted as error:
    print(f"said: {error}", flush=True)
    code = 1
interrupts.exit_if_abandoned(code)
sys.exit(code)
"""
# It ends what it has begun half a second after it is told; what it started stays until somebody ends it.
PATIENT = """
told=0
trap 'told=$((told + 1)); echo "told $told"; ended=$(($(date +%s%N) / 1000000 + 500))' INT
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
STUBBORN = """
trap "echo told" INT
echo $$ >"$HERE/child"
echo begun
while :; do sleep 0.05; done
"""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while lives(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not lives(pid)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = Start(tmp_path)
    yield started
    if started.process is not None:
        started.process.kill()
        started.process.wait()
        assert started.process.stdout is not None
        started.process.stdout.close()


class Start:
    """Starts the driver, and reads it to the line `begun`."""

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
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "begun\n":
                return process
        raise AssertionError(f"it did not begin: {said}")

    @property
    def child(self) -> int:
        return int((self.directory / "child").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("group", [False, True])
def test_the_engine_is_told_once_and_waited_for(start: Start, number: signal.Signals, group: bool) -> None:
    """To the driver alone, and as a terminal does it: to its whole group, and by a shell once more."""
    process = start("engine", PATIENT)
    if group:
        os.killpg(process.pid, number)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert "told 1\n" in said
    assert "told 2" not in said
    assert "ended\n" in said
    assert f"said: interrupted ({number.name}); what was begun was ended, the same command goes on" in said
    assert "Traceback" not in said
    assert process.returncode == 1
    assert gone(start.child), "what the engine started is an orphan"


def test_a_second_signal_ends_it(start: Start) -> None:
    process = start("engine", STUBBORN)
    process.terminate()
    time.sleep(1.5)
    assert process.poll() is None
    begun = time.monotonic()
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert "SIGTERM: ending the engine now" in said
    assert "said: interrupted (SIGTERM) in the midst of its work, the same command goes on" in said
    assert process.returncode == 1
    assert gone(start.child)


@pytest.mark.parametrize("engine", [STUBBORN, PATIENT])
def test_the_engine_ends_with_a_driver_that_is_killed(start: Start, engine: str) -> None:
    """And what it started, in a process group of its own."""
    process = start("engine", engine)
    process.kill()
    process.wait()
    assert gone(start.child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_stack_ends_at_once(start: Start, number: signal.Signals) -> None:
    process = start("waiting")
    begun = time.monotonic()
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert time.monotonic() - begun < 4
    assert said == f"said: interrupted ({number.name}); nothing more was begun\n"
    assert process.returncode == 1


def test_preparing_is_left_with_what_it_started(start: Start) -> None:
    process = start("preparing")
    end = time.monotonic() + 30
    found: list[str] = []
    while not found and time.monotonic() < end:
        for each in Path(f"/proc/{process.pid}/task").glob("*/children"):
            with suppress(OSError):  # a thread that ended meanwhile
                found += each.read_text().split()
    assert found, "it prepares nothing"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert "said: interrupted (SIGINT) while it was prepared" in said
    assert process.returncode == 1
    assert gone(int(found[0]))


def test_what_somebody_wants_ignored_is_ignored(start: Start) -> None:
    """`nohup`: the terminal may close."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start("engine", PATIENT)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert "interrupted (SIGTERM); what was begun was ended" in said


def test_nothing_more_begins_and_results_keep_their_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.1 * (3 - number))
        return number

    futures = interrupts.run_interruptible([lambda n=n: work(n) for n in range(3)], jobs=3)  # type: ignore[misc]
    assert [future.result() for future in futures] == [0, 1, 2]
    stop = interrupts.Shutdown(interruptible=True)
    stop.handle_signal(signal.SIGTERM)
    with pytest.raises(Interrupted, match=r"interrupted \(SIGTERM\); nothing more was begun"):
        stop.check()
    with pytest.raises(Interrupted), stop.engine(["true"]):
        raise AssertionError("it began")
