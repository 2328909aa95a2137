"""Tests that work continues when its output can no longer be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import pathlib, sys
from automation import standard_streams
standard_streams.survive_broken_pipe()
for number in range(20_000):
    print(f"line {number}")
pathlib.Path(sys.argv[1]).touch()
sys.exit(standard_streams.flush_and_get_exit_code(0))
"""


def start_program(tmp_path: Path, stdout: int) -> subprocess.Popen[str]:
    done = str(tmp_path / "done")
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, done], stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def test_closed_pipe_does_not_stop_the_work(tmp_path: Path) -> None:
    with start_program(tmp_path, subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "line 0\n"
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert (tmp_path / "done").exists()
    assert errors == (
        "kubewright: standard output: Broken pipe: part of the output is lost; the command itself finished\n"
    )


def test_full_disk_does_not_stop_the_work(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with start_program(tmp_path, full) as process:
        os.close(full)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 1
    assert (tmp_path / "done").exists()
    assert "standard output: No space left on device" in errors


def test_output_to_a_reader_is_complete(tmp_path: Path) -> None:
    """Test non-blocking pipes, as some CI runners provide them."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with start_program(tmp_path, writer) as process:
        os.close(writer)
        with open(reader) as pipe:
            lines = pipe.read().splitlines()
    assert process.returncode == 0
    assert lines == [f"line {number}" for number in range(20_000)]
