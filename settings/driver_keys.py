"""Keys of a stack file that only the driver handles: `pulumi` without the driver must not ignore them.

A program that ignores `kubewright:base` describes a cluster without everything that the base adds, and the
engine would delete it. The driver passes the merged configuration, which has no base, from a work directory
of its own.
"""

from __future__ import annotations

from pathlib import Path

from settings.bases import BASE_KEY
from settings.hosts_file import HOSTS_FILE_KEY
from settings.problem import SettingsError


class DriverKeyError(SettingsError):
    """The error for a key that only the driver handles. The message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(())
        self._message = message

    def __str__(self) -> str:
        """Return the key, the mistake and the required action."""
        return self._message


def refuse_base(base: str | None, stack: str) -> None:
    """Raise DriverKeyError when the engine's configuration contains a base. `stack` is the stack's name."""
    if base is not None:
        raise DriverKeyError(
            f"{BASE_KEY}: only kubewright merges bases, and without the base resources would be deleted; run "
            f"`./kubewright up --stack {stack}` or `./kubewright pulumi --stack {stack} -- …`, or copy the "
            "settings of the base into the stack file and remove this key"
        )


def refuse_hosts_file(file: str | None, program: Path, stack: str) -> None:
    """Raise DriverKeyError for a hosts file that the driver did not write.

    The driver writes it into its work directory, in which the link `program` leads to the directory of the
    program. `program` is this directory.
    """
    if file is not None and (Path(file).parent / "program").resolve() != program.resolve():
        raise DriverKeyError(
            f"{HOSTS_FILE_KEY}: only kubewright sets this key, in its work directory; remove it, list the "
            f"hosts in metal.hosts, and run `./kubewright up --stack {stack}`"
        )
