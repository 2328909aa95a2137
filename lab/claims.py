"""Which state directory a lab on this machine belongs to: two of the same name would fight over it."""

from __future__ import annotations

from pathlib import Path

from lab.errors import LabError

CLAIMS = Path("/run/kubewright/labs")
"""A file per lab with its state directory. Below /run: a restart of the machine ends labs and claims."""


def owner(lab: str) -> Path | None:
    """The state directory of the lab that has this name now, None without."""
    try:
        return Path((CLAIMS / lab).read_text())
    except FileNotFoundError:
        return None


def claim(lab: str, state: Path) -> None:
    """Take the lab's name for a state directory.

    Raises LabError when the lab belongs to another one that is still there.
    """
    other = owner(lab)
    if other is not None and other != state and other.is_dir():
        raise LabError(
            f"{lab}: a lab of this name is here already, with its state in {other}; "
            f"remove it with `kubewright lab down {lab}`, or choose another name"
        )
    CLAIMS.mkdir(parents=True, exist_ok=True)
    (CLAIMS / lab).write_text(str(state))


def release(lab: str) -> None:
    """Give the name back."""
    (CLAIMS / lab).unlink(missing_ok=True)
