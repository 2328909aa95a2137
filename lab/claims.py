"""Records of the state directory of each running lab.

The records prevent two labs with the same name, which would use the same namespaces and control groups.
"""

from __future__ import annotations

from pathlib import Path

from lab.errors import LabError

CLAIMS = Path("/run/kubewright/labs")
"""Directory with one file per lab that contains the path of its state directory.

The directory is below /run, because a reboot of the machine ends all labs and removes these files.
"""


def state_directory(lab: str) -> Path | None:
    """Return the state directory of the running lab with this name, or None."""
    try:
        return Path((CLAIMS / lab).read_text())
    except FileNotFoundError:
        return None


def claim(lab: str, state: Path) -> None:
    """Record the state directory of a lab.

    Raise LabError if a lab with this name runs from another state directory.
    """
    other = state_directory(lab)
    if other is not None and other != state and other.is_dir():
        raise LabError(
            f"{lab}: a lab of this name is here already, with its state in {other}; "
            f"remove it with `kubewright lab down {lab}`, or choose another name"
        )
    CLAIMS.mkdir(parents=True, exist_ok=True)
    (CLAIMS / lab).write_text(str(state))


def release(lab: str) -> None:
    """Remove the record of the state directory of a lab."""
    (CLAIMS / lab).unlink(missing_ok=True)
