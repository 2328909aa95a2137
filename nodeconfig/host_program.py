"""Text and sha256 digest of the host program. Hosts fetch the program by its digest from the mirror.

Deliveries do not contain the program. The state of a stack stores every input twice, encrypted if it is
secret, and the program would be four fifths of the state of a thousand hosts.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from nodeconfig.sources import read_code, read_source

ARTIFACT_NAME = "host-program"
"""Name of the host program as an artifact in a mirror and its index. `digest()` is the artifact's version."""

_SOURCE_FILES = (
    "prelude.sh",
    "host.sh",
    "fetch.sh",
    "stored-content.sh",
    "guard.sh",
    "new-host.sh",
    "packet-filter.sh",
    "service.sh",
    "node.sh",
    "health.sh",
)


@cache
def program() -> str:
    """Return the complete host program in POSIX sh."""
    return "\n".join(read_source(name) for name in _SOURCE_FILES)


@cache
def digest() -> str:
    """Return the sha256 of the host program in hex."""
    return sha256(program().encode()).hexdigest()


def prelude() -> str:
    """Return the sh code (prelude.sh) that fetches the host program. Every payload contains this code."""
    return read_code(_SOURCE_FILES[0])
