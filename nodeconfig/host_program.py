"""The host program as one text, and its digest. Hosts fetch the program by this digest from the mirror.

Deliveries do not contain the program. The state of a stack stores every input twice, encrypted if it is
secret, and the program would be four fifths of the state of a thousand hosts.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from nodeconfig.sources import read_code, read_source

NAME = "host-program"
"""Name of the program in a mirror and in an index. `digest()` is its version."""

_PIECES = ("prelude.sh", "host.sh", "fetch.sh", "guard.sh", "service.sh", "node.sh")


@cache
def program() -> str:
    """Return the complete host program in POSIX sh."""
    return "\n".join(read_source(piece) for piece in _PIECES)


@cache
def digest() -> str:
    """Return the sha256 of the host program in hex."""
    return sha256(program().encode()).hexdigest()


def prelude() -> str:
    """Return the code that fetches the host program. Every payload contains this code."""
    return read_code(_PIECES[0])
