"""Tests of the engine process: its pipes are read to their end, and time limits stop it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automation.engine.command import EngineCommand, EngineTimeout
from automation.engine.time_limit import TimeLimit

LONG_OUTPUT_SCRIPT = """
i=0
while [ $i -lt 4000 ]; do
    echo "a line of the engine that is long enough to fill its pipe: $i"
    i=$((i + 1))
done
touch "$HERE/done"
"""


def shell_script_engine(directory: Path, script: str, time_limit: TimeLimit | None = None) -> EngineCommand:
    """Return an engine that is a shell script. The variable `$HERE` contains its directory."""
    program = directory / "bin/pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f'#!/bin/sh\nHERE={directory}\n[ "$1" = version ] && {{ echo v3.259.0; exit; }}\n{script}'
    )
    program.chmod(0o755)
    return EngineCommand(program.parent, time_limit=time_limit or TimeLimit(total=20))


@pytest.mark.parametrize("stream", ["on_output", "on_error"])
def test_engine_output_is_read_when_the_callback_fails(tmp_path: Path, stream: str) -> None:
    command = shell_script_engine(
        tmp_path, LONG_OUTPUT_SCRIPT if stream == "on_output" else f"{{ {LONG_OUTPUT_SCRIPT}\n}} >&2"
    )
    lines = []

    def failing_callback(line: str) -> None:
        lines.append(line)
        raise BrokenPipeError("no reader")

    with pytest.raises(BrokenPipeError, match="no reader"):
        command.run(["up"], str(tmp_path), {}, **{stream: failing_callback})
    assert (tmp_path / "done").exists(), "the engine did not finish"
    assert len(lines) == 1


def test_an_engine_without_progress_is_stopped(tmp_path: Path) -> None:
    """Test a host that stops responding: the command plugin waits for the host without a limit."""
    limit = TimeLimit(stall=1)
    command = shell_script_engine(tmp_path, "exec sleep 600", limit)
    began = time.monotonic()
    with pytest.raises(EngineTimeout):
        command.run(["up"], str(tmp_path), {})
    assert time.monotonic() - began < 120
    limit.record_progress()
    assert limit.expired
    assert limit.stalled


def test_an_engine_with_progress_can_run_longer_than_the_stall_limit(tmp_path: Path) -> None:
    limit = TimeLimit(stall=2)
    command = shell_script_engine(
        tmp_path, "for step in 1 2 3 4 5 6 7 8; do echo $step; sleep 0.5; done", limit
    )
    began = time.monotonic()
    command.run(["up"], str(tmp_path), {}, on_output=lambda _: limit.record_progress())
    assert time.monotonic() - began > 3
    assert not limit.stalled


def test_the_total_limit_applies_despite_progress(tmp_path: Path) -> None:
    limit = TimeLimit(total=2, stall=60)
    command = shell_script_engine(tmp_path, "while :; do echo step; sleep 0.2; done", limit)
    with pytest.raises(EngineTimeout):
        command.run(["up"], str(tmp_path), {}, on_output=lambda _: limit.record_progress())
    assert not limit.stalled
