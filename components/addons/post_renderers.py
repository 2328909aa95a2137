"""Programs that Helm runs on rendered objects, to apply the patches of a release."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from components.addons.digests import text_digest
from formats import manifest_patches
from settings.helm_patches import HelmPatchSettings

DIRECTORY = "bin"
"""The directory of the programs, in the work directory of a stack. It is in the PATH of the engine."""


def write_post_renderer(patches: Sequence[HelmPatchSettings], directory: Path) -> str:
    """Write the program that applies patches into a directory, and return its name.

    The name depends only on the patches, so that it is the same on all deployers.
    """
    content = json.dumps([patch.to_json() for patch in patches], sort_keys=True)
    name = f"kubewright-patch-{text_digest(content)}"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = directory / f"{name}.json"
    _write(data, content, 0o600)
    words = [sys.executable, "-I", str(Path(manifest_patches.__file__).resolve()), str(data)]
    _write(directory / name, f"#!/bin/sh\nexec {shlex.join(words)}\n", 0o700)
    return name


def _write(path: Path, text: str, mode: int) -> None:
    """Replace a file in one step, because Helm can run the program while another run of the engine starts."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.touch(mode=mode)
    part.write_text(text)
    part.replace(path)
