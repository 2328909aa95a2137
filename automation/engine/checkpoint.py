"""Repairs state files that a killed engine left incomplete.

The file backend of the engine stores the previous state as `<stack>.json.bak`. When the state file is
incomplete, the previous state replaces it. The previous state lacks at most the last step of the engine, and
the next run can repeat every step. Each of the two files has a file with its attributes (`.attrs`), which can
also be incomplete.
"""

from __future__ import annotations

import json
import mmap
import re
from pathlib import Path

from automation.errors import UserError

# Matches a string, the quotation mark of an incomplete string, or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)


def state_file(*, root: Path, project: str, stack: str) -> Path:
    """Return the path of the state of a stack in a file backend. `root` is the directory of the backend."""
    return root / ".pulumi/stacks" / project / f"{stack}.json"


def repair_state(*, root: Path, project: str, stack: str) -> None:
    """Restore the state file of a stack from its backup when the state file is incomplete.

    `root` is the directory of the file backend. Raise `UserError` when the backup is incomplete too.
    """
    state = state_file(root=root, project=project, stack=stack)
    backup = state.with_name(f"{state.name}.bak")
    for file in (state, backup):
        _remove_incomplete_attributes(file.with_name(f"{file.name}.attrs"))
    if not state.exists() or _is_complete_json_object(state):
        return
    if _is_complete_json_object(backup):
        backup.replace(state)
        print(
            f"stack {stack}: the state was incomplete after the engine was killed; the previous state was "
            "restored"
        )
    elif state.stat().st_size == 0 and not backup.exists():
        state.unlink()  # the engine was killed while it created the file, so the file has no content
    else:
        raise UserError(
            f"stack {stack}: {state} and its backup cannot be read; restore one of them from a copy"
        )


def _remove_incomplete_attributes(path: Path) -> None:
    """Remove an incomplete file of attributes (content type, digest). The engine does not need the file."""
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return
    except ValueError:
        path.unlink()


def _is_complete_json_object(path: Path) -> bool:
    """Check whether the file contains one complete JSON object.

    Count brackets instead of parsing, because parsing the state of 1,000 hosts takes a gigabyte of memory.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return _closes_at_end_of_text(text)
    except (OSError, ValueError):
        return False  # an empty file raises ValueError


def _closes_at_end_of_text(text: mmap.mmap) -> bool:
    """Check whether the outermost bracket is a brace that closes at the end of the text."""
    depth = 0
    for token in _TOKEN.finditer(text):
        character = token[0]
        if character == b'"':
            return False  # the file ends inside a string
        if character in (b"{", b"["):
            depth += 1
        elif character in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return text[0:1] == b"{" and not text[token.end() :].strip()
    return False
