"""The reference KMS plugin of `lab/kms`, built and run for tests. It is not for production."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from artifacts import gobuild
from artifacts.cache import Cache
from artifacts.progress import Progress

SOURCE = Path(__file__).resolve().parents[1] / "lab" / "kms"
NAME = "reference-kms"


def build_plugin(cache: Cache) -> Path:
    """Build the plugin, unless the cache has a build of the same source. Return the path of the program.

    The build needs the modules of go.sum from the Go module proxy.
    """
    digest = sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()
    program = cache.root / "work" / f"{NAME}-{digest[:16]}" / NAME
    with cache.lock("go-build"):
        if program.is_file():
            return program
        go = gobuild.go_command(SOURCE / "go.mod", cache, Progress(quiet=True))
        module = program.parent / "module"
        shutil.copytree(SOURCE, module, dirs_exist_ok=True)
        environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=mod -trimpath"}
        command = [go, "build", "-o", str(program) + ".part", "."]
        result = subprocess.run(
            command, cwd=module, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        Path(str(program) + ".part").rename(program)
    return program


def new_key() -> str:
    """Return a line for the file with the keys of the plugin."""
    return base64.b64encode(secrets.token_bytes(32)).decode() + "\n"
