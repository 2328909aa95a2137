"""Programs of tests that are written in Go, built once for each version of their source."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.progress import Progress


def build_program(source: Path, name: str, cache: Cache, *, package: str = ".") -> Path:
    """Build a package of the Go module in `source`, or of a module that it requires, unless the cache has a
    build of the same files. Return the path of the program.

    The build needs the modules of go.sum from the Go module proxy.
    """
    digest = sha256(b"".join(file.read_bytes() for file in sorted(source.iterdir()))).hexdigest()
    program = cache.root / "work" / f"{name}-{digest[:16]}" / name
    if program.is_file():
        return program
    with cache.lock("go-build"):
        # Another process may have built it meanwhile.
        if program.is_file():
            return program
        go = gobuild.go_command(source / "go.mod", cache, Progress(quiet=True))
        module = program.parent / "module"
        shutil.copytree(source, module, dirs_exist_ok=True)
        environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=mod -trimpath"}
        command = [go, "build", "-o", str(program) + ".part", package]
        result = subprocess.run(
            command, cwd=module, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        Path(str(program) + ".part").rename(program)
    return program
