"""A state file that a killed engine left half-written.

The engine's file backend keeps the state of the step before beside the state, as `<stack>.json.bak`.
When the state itself cannot be read, that one is taken: at most the last step is not recorded in it,
and every step can be repeated. Each has a file of attributes beside it, which may be cut off, too.
"""

from __future__ import annotations

import json
import mmap
import re
from pathlib import Path

from automation.errors import UserError

# A text, a quotation mark that begins one without an end, or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)


def repair(*, root: Path, project: str, stack: str) -> None:
    """Makes the state file of a stack readable again; does nothing while it is, or there is none.

    `root` is the file backend's directory. Raises `UserError` when neither it nor its backup can be read.
    """
    state = root / ".pulumi/stacks" / project / f"{stack}.json"
    backup = state.with_name(f"{state.name}.bak")
    for file in (state, backup):
        _check_attributes(file.with_name(f"{file.name}.attrs"))
    if not state.exists() or _whole(state):
        return
    if _whole(backup):
        backup.replace(state)
        print(f"stack {stack}: its state was cut off when the engine was killed; took the step before")
    elif state.stat().st_size == 0 and not backup.exists():
        state.unlink()  # killed while it was made: nothing was recorded yet
    else:
        raise UserError(f"stack {stack}: {state} and its backup cannot be read; restore one of them")


def _check_attributes(path: Path) -> None:
    """Removes a file's attributes (content type, digest) when they are cut off: the engine can do without."""
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return
    except ValueError:
        path.unlink()


def _whole(path: Path) -> bool:
    """Whether the file has a JSON object from beginning to end.

    Brackets are counted instead of parsing it: the state of a thousand hosts would take a gigabyte.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return _closes_at_its_end(text)
    except (OSError, ValueError):
        return False  # ValueError: an empty file


def _closes_at_its_end(text: mmap.mmap) -> bool:
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == b'"':
            return False  # a text that does not end
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return text[0:1] == b"{" and not text[token.end() :].strip()
    return False
