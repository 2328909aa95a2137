"""A state file that a killed engine left half-written.

The engine's file backend keeps the state of the step before beside the state, as `<stack>.json.bak`.
When the state itself cannot be read, that one is taken: at most the last step is not recorded in it,
and every step can be repeated.
"""

from __future__ import annotations

import json
from pathlib import Path

from automation.errors import UserError


def repair(*, root: Path, project: str, stack: str) -> None:
    """Makes the state file of a stack readable again; does nothing while it is, or there is none.

    `root` is the file backend's directory. Raises `UserError` when neither it nor its backup can be read.
    """
    state = root / ".pulumi/stacks" / project / f"{stack}.json"
    backup = state.with_name(f"{state.name}.bak")
    if not state.exists() or _whole(state):
        return
    if _whole(backup):
        backup.replace(state)
        print(f"stack {stack}: its state was cut off when the engine was killed; took the step before")
    elif state.stat().st_size == 0 and not backup.exists():
        state.unlink()  # killed while it was made: nothing was recorded yet
    else:
        raise UserError(f"stack {stack}: {state} and its backup cannot be read; restore one of them")


def _whole(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False
