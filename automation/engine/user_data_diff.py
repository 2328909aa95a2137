"""Changed user data of machines in a preview: base64 to the cloud and so to the engine, text to people."""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHANGED = re.compile(
    r'^(?P<indent>\s*)~ (?P<name>userData|customData)\s*: "(?P<old>[^"]*)" => "(?P<new>[^"]*)"\s*$'
)
_CONTEXT = 3
"""Unchanged lines shown around a change."""


def decode_user_data(line: str) -> Iterator[str]:
    """The engine's line; one that shows changed user data as two blobs becomes the lines that changed."""
    plain = _COLOUR.sub("", line)
    found = _CHANGED.match(plain)
    old, new = (_text(found["old"]), _text(found["new"])) if found else (None, None)
    if found is None or old is None or new is None:
        yield line
        return
    paint = _painted if plain != line else _plain
    indent = found["indent"]
    yield paint(f"{indent}~ {found['name']}: (base64)", "~")
    changes = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT)
    for number, change in enumerate(changes):
        if number < 2:
            continue  # the names of two files
        if change.startswith("@@"):
            if number > 2:
                yield f"{indent}      ...\n"
            continue
        mark, text = change[0], change[1:]
        yield paint(f"{indent}    {mark} {text}", mark)


def _text(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return None


def _plain(text: str, mark: str) -> str:
    return f"{text}\n"


def _painted(text: str, mark: str) -> str:
    # The engine's own colours.
    number = {"-": 1, "+": 2, "~": 3}.get(mark)
    return f"\x1b[38;5;{number}m{text}\x1b[0m\n" if number else f"{text}\n"
