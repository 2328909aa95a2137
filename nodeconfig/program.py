"""The host program as one text, and its digest."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

_PIECES = ("host.sh", "fetch.sh", "guard.sh", "service.sh", "node.sh")


@cache
def program() -> str:
    """The whole host program, POSIX sh."""
    directory = Path(__file__).parent
    return "\n".join((directory / piece).read_text() for piece in _PIECES)


@cache
def digest() -> str:
    """Hex sha256 of the host program."""
    return sha256(program().encode()).hexdigest()
