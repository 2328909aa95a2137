"""Saves the state of a stack in a file, and restores a lost state from it.

The file is an exported state of the engine: its secrets are encrypted by the secrets provider of the stack.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automation.engine.state import State, export_encrypted, resources_of
from automation.errors import UserError
from automation.operations.target import Target
from automation.workspace import PROJECT


def backup(target: Target, file: Path | None) -> Path:
    """Save the state in a new file that only its owner can read, and return its path.

    Raise UserError for a stack without resources, and for a file that exists.
    """
    state = export_encrypted(target.engine)
    count = len(resources_of(state))
    if not count:
        raise UserError(f"stack {target.stack}: has no resources, so there is nothing to save")
    if file is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = target.environment.state / "backups" / target.stack / f"state-{stamp}.json"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600, exist_ok=False)
        part.write_text(json.dumps(state))
        file.hardlink_to(part)
    except FileExistsError:
        raise UserError(f"{file}: exists; give another name, so that no earlier backup is lost") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    print(f"{file}: {count} resources of stack {target.stack}; secrets are encrypted")
    return file


def restore(target: Target, file: Path) -> None:
    """Replace the lost state of a stack with a saved state. Raise UserError if the stack has resources."""
    state = read_backup(file)
    check_stack(state, target.engine.workspace.short_name, file)
    target.engine.select()
    if resources_of(export_encrypted(target.engine)):
        raise UserError(
            f"stack {target.stack}: has a state with resources, which is not replaced; only a lost state can "
            "be restored"
        )
    target.engine.import_state(json.dumps(state))
    print(
        f"stack {target.stack} has the {len(resources_of(state))} resources of {file}; now run `kubewright "
        f"preview --stack {target.stack}`"
    )


def read_backup(file: Path) -> State:
    """Return the state in a file. Raise UserError for a file without a state."""
    try:
        state: Any = json.loads(file.read_text())
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{file}: is damaged, or is no saved state") from None
    if (
        not isinstance(state, dict)
        or not isinstance(state.get("deployment"), dict)
        or not resources_of(state)
    ):
        raise UserError(f"{file}: has no resources; give a file that `kubewright state backup` wrote")
    saved: State = state
    return saved


def check_stack(state: State, stack: str, file: Path) -> None:
    """Raise UserError for the state of another stack, whose resources this stack must not own."""
    urn = str(resources_of(state)[0]["urn"])
    if not urn.startswith(f"urn:pulumi:{stack}::{PROJECT}::"):
        saved = urn.removeprefix("urn:pulumi:").partition("::")[0]
        raise UserError(f"{file}: is the state of stack {saved}; give a backup of stack {stack}")
