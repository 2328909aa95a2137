"""Shows changed user data of machines in a preview as changed lines instead of base64."""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Iterator

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_CHANGED_USER_DATA = re.compile(
    r'^(?P<indent>\s*)~ (?P<name>userData|customData)\s*: "(?P<old>[^"]*)" => "(?P<new>[^"]*)"\s*$'
)
_CONTEXT = 3
"""Number of unchanged lines shown before and after changed lines."""


def decode_user_data(line: str) -> Iterator[str]:
    """Yield the lines that replace a line of the engine's output.

    A line with the old and the new user data in base64 is replaced by a diff of the decoded texts. Any other
    line is yielded unchanged.
    """
    plain = _COLOR.sub("", line)
    match = _CHANGED_USER_DATA.match(plain)
    old, new = (_decode_base64(match["old"]), _decode_base64(match["new"])) if match else (None, None)
    if match is None or old is None or new is None:
        yield line
        return
    format_line = _colored if plain != line else _uncolored
    indent = match["indent"]
    yield format_line(f"{indent}~ {match['name']}: (base64)", "~")
    diff_lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=_CONTEXT)
    for number, diff_line in enumerate(diff_lines):
        if number < 2:
            continue  # skip header lines with file names
        if diff_line.startswith("@@"):
            if number > 2:
                yield f"{indent}      ...\n"
            continue
        sign, text = diff_line[0], diff_line[1:]
        yield format_line(f"{indent}    {sign} {text}", sign)


def _decode_base64(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return None


def _uncolored(text: str, sign: str) -> str:
    return f"{text}\n"


def _colored(text: str, sign: str) -> str:
    # The colors that the engine uses.
    number = {"-": 1, "+": 2, "~": 3}.get(sign)
    return f"\x1b[38;5;{number}m{text}\x1b[0m\n" if number else f"{text}\n"
