"""Configuration keys that only the driver supports. The program fails if it receives them without the driver.

If the program ignored `kubewright:base`, the engine would delete all resources that only the base describes.
The driver merges the bases into a copy of the stack file in its work directory, so the program never
receives this key from the driver.
"""

from __future__ import annotations

from pathlib import Path

from settings.bases import BASE_KEY
from settings.hosts_file import HOSTS_FILE_KEY
from settings.problem import SettingsError


class DriverKeyError(SettingsError):
    """The error for a key that only the driver supports. The message is one line."""

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
            f"{BASE_KEY}: only kubewright merges bases; without the settings of the base, pulumi would "
            f"delete resources; run `./kubewright up --stack {stack}` or "
            f"`./kubewright pulumi --stack {stack} -- …`, or copy the settings of the base into the stack "
            "file and remove this key"
        )


def refuse_hosts_file(file: str | None, program: Path, stack: str) -> None:
    """Raise DriverKeyError for a hosts file that the driver did not write.

    The driver writes the hosts file into its work directory. This directory contains a link with the name
    `program`, which leads to the directory of the program. The argument `program` is that directory.
    """
    if file is not None and (Path(file).parent / "program").resolve() != program.resolve():
        raise DriverKeyError(
            f"{HOSTS_FILE_KEY}: only kubewright sets this key, in its work directory; remove this key, list "
            f"the hosts in metal.hosts, and run `./kubewright up --stack {stack}`"
        )
