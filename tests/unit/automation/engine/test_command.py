"""Tests that the pipes of the engine are read to their end, even when a callback fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automation.engine.command import EngineCommand

LONG_OUTPUT_SCRIPT = """
i=0
while [ $i -lt 4000 ]; do
    echo "a line of the engine that is long enough to fill its pipe: $i"
    i=$((i + 1))
done
touch "$HERE/done"
"""


def shell_script_engine(directory: Path, script: str) -> EngineCommand:
    """Return an engine that is a shell script. The variable `$HERE` contains its directory."""
    program = directory / "bin/pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f'#!/bin/sh\nHERE={directory}\n[ "$1" = version ] && {{ echo v3.259.0; exit; }}\n{script}'
    )
    program.chmod(0o755)
    return EngineCommand(program.parent, deadline=time.monotonic() + 20)


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
