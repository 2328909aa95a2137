"""Reader of the sh programs in nodeconfig/host/."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "host"
_COMMENT = re.compile(r"^[ \t]*#(?!!).*\n", re.MULTILINE)


def source_path(name: str) -> Path:
    """Return the path of a program in nodeconfig/host/."""
    return _DIRECTORY / name


@cache
def read_source(name: str) -> str:
    """Return the text of a program in nodeconfig/host/."""
    return source_path(name).read_text()


@cache
def read_code(name: str) -> str:
    """Return the text of a program without its comments, so that a changed comment changes no host."""
    return _COMMENT.sub("", read_source(name))
