"""The host program as one text, and its digest; hosts fetch it by that from where they fetch artifacts.

It is no part of what is sent to each host: in a state of a thousand hosts, which has all inputs twice and
encrypts them with the secrets, it was four fifths of everything.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

NAME = "host-program"
"""Its name in a mirror and an index; `digest()` is its version there."""

_PIECES = ("prelude.sh", "host.sh", "fetch.sh", "guard.sh", "service.sh", "node.sh")
_COMMENT = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)


@cache
def program() -> str:
    """The whole host program, POSIX sh."""
    return "\n".join(_text(piece) for piece in _PIECES)


@cache
def digest() -> str:
    """Hex sha256 of the host program."""
    return sha256(program().encode()).hexdigest()


@cache
def prelude() -> str:
    """What fetches the host program, without comments: every payload has it."""
    return _COMMENT.sub("", _text(_PIECES[0]))


def _text(piece: str) -> str:
    return (Path(__file__).parent / "host" / piece).read_text()
