"""Runs the Go tests of a module of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_SECONDS = 900


def run_go_tests(go: str, module: Path, directory: Path) -> str:
    """Run the tests of a module with the flags of builds, and return the output.

    `go` is the path of the Go command. Go may rewrite go.mod and go.sum, so it runs in a copy of the module
    in `directory`. Raise AssertionError with the output when a test fails.
    """
    completed = subprocess.run(
        [go, "test", "-count=1", "-v", "./..."],
        cwd=shutil.copytree(module, directory / "module"),
        env=os.environ
        | {"GOFLAGS": "-mod=mod -buildvcs=false -trimpath", "GOWORK": "off", "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout
