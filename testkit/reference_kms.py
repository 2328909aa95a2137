"""The reference KMS plugin of `lab/kms`, built for tests. It is not for production."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

from artifacts.cache import Cache
from testkit.go_programs import build_program

SOURCE = Path(__file__).resolve().parents[1] / "lab" / "kms"
NAME = "reference-kms"


def build_plugin(cache: Cache) -> Path:
    """Build the plugin, unless the cache has it. Return the path of the program."""
    return build_program(SOURCE, NAME, cache)


def new_key() -> str:
    """Return a line for the file with the keys of the plugin."""
    return base64.b64encode(secrets.token_bytes(32)).decode() + "\n"
