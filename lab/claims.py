"""Records of the state directory of each lab, because two labs with the same name would use the same
resources.
"""

from __future__ import annotations

from pathlib import Path

from lab.errors import LabError

CLAIMS = Path("/run/kubewright/labs")
"""A file per lab that contains its state directory. It is below /run, because a reboot of the machine ends
labs and removes the file.
"""


def owner(lab: str) -> Path | None:
    """Return the state directory of the running lab with this name, or None."""
    try:
        return Path((CLAIMS / lab).read_text())
    except FileNotFoundError:
        return None


def claim(lab: str, state: Path) -> None:
    """Record the state directory of a lab.

    Raises LabError if a lab with this name runs from another state directory.
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
    """Remove the record of the lab."""
    (CLAIMS / lab).unlink(missing_ok=True)
