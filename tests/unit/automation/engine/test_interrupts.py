"""Engines hear once of every signal that asks the driver to end; nobody's silence holds one up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from automation.driving import driver
from automation.engine import interrupts
from automation.engine.command import EngineCommand
from automation.engine.interrupts import Interrupted
from automation.engine.locks import StackInUse
from tests.support.cluster import CHECKOUT

ENGINE = """#!/bin/sh
[ "$1" != version ] || exec echo v3.259.0
trap 'echo told; told=$((${told:-0} + 1))' INT
echo ready
for _ in $(seq 40); do [ -n "$told" ] && break; sleep 0.05; done
sleep 0.3
echo "$told times"
exit 1
"""


def engine(tmp_path: Path, text: str) -> EngineCommand:
    """A command that runs this program for the engine."""
    program = tmp_path / "bin/pulumi"
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(0o755)
    return EngineCommand(program.parent)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_the_engine_is_told_once(tmp_path: Path, number: signal.Signals) -> None:
    said: list[str] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            engine(tmp_path, ENGINE).run([], str(tmp_path), {}, said.append)
        except CommandError as error:
            failed.append(error)

    with interrupts.passed_on():
        thread = threading.Thread(target=work)
        thread.start()
        while "ready" not in said:
            time.sleep(0.01)
        os.kill(os.getpid(), number)
        thread.join()
        with pytest.raises(Interrupted):
            interrupts.check()
    assert said == ["ready", "told", "1 times"]
    assert failed
    interrupts.check()  # over: another run is none of this signal's


def test_who_waits_for_a_stack_can_be_asked_to_end() -> None:
    def used() -> None:
        raise StackInUse("eve@there works on it")

    with interrupts.passed_on():
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(Interrupted):
            driver.waiting(used, 60)
    assert time.monotonic() - begun < 4


def test_an_engine_ends_though_nobody_can_be_told(tmp_path: Path) -> None:
    """Its pipe holds 64 KiB: unread, it would stand still for ever."""
    told: list[str] = []

    def broken(line: str) -> None:
        told.append(line)
        raise BrokenPipeError

    command = engine(tmp_path, '#!/bin/sh\n[ "$1" != version ] || exec echo v3.259.0\nseq 100000\n')
    with pytest.raises(BrokenPipeError):
        command.run([], str(tmp_path), {}, broken)
    assert told == ["1"]


def test_lines_that_nobody_reads_are_no_error() -> None:
    code = (
        "from automation.driving.progress import Plain\n"
        "shown = Plain(False)\n"
        "for number in range(50000): shown.line('x', str(number))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
