"""Additional flags of units, which the settings `extra_args` name [D4]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nodeconfig.systemd import Unit
from topology.options import Flags

_MARK = re.compile(r"^# Flags without checks, from (\S+): (.+)$", re.MULTILINE)


def with_extra_flags(unit: Unit, setting: str, flags: Flags) -> Unit:
    """Return the unit with additional flags, and a comment from which reports recognize them."""
    if not flags:
        return unit
    names = ", ".join(name for name, _ in flags)
    return replace(
        unit,
        command=(*unit.command, *(f"--{name}={value}" for name, value in flags)),
        unit=(*unit.unit, f"# Flags without checks, from {setting}: {names}"),
    )


def find_extra_flags(text: str) -> Iterator[tuple[str, str]]:
    """Yield the setting and the additional flags of each unit in the script of a delivery."""
    for match in _MARK.finditer(text):
        yield match[1], match[2]
