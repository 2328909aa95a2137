"""The host program as one text, and its digest. Hosts fetch it by this digest from the mirror.

Deliveries do not contain it: the state of a stack has every input twice, encrypted where it is secret, and
the program would be four fifths of the state of a thousand hosts.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from nodeconfig.sources import read_code, read_source

NAME = "host-program"
"""Its name in a mirror and an index; `digest()` is its version there."""

_PIECES = ("prelude.sh", "host.sh", "fetch.sh", "guard.sh", "service.sh", "node.sh")


@cache
def program() -> str:
    """Return the whole host program, POSIX sh."""
    return "\n".join(read_source(piece) for piece in _PIECES)


@cache
def digest() -> str:
    """Return the hex sha256 of the host program."""
    return sha256(program().encode()).hexdigest()


def prelude() -> str:
    """Return the code that fetches the host program; every payload contains it."""
    return read_code(_PIECES[0])
