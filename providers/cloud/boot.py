"""User data: one program for sh that makes of a new machine what the store says. It holds no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from pulumi import Input, Output

from providers.cloud.machine_config import MachineConfig
from topology.model import Role

METADATA = "http://169.254.169.254"
"""Where machines of either cloud ask about themselves."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_COMMENT = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)


def user_data(
    unit: MachineConfig,
    half: Path,
    variables: Mapping[str, Input[str]],
    *,
    name: str = "",
    address: str = "",
    volume: Input[str] = "",
    authority: str = "",
) -> Output[str]:
    """The user data of a unit's machines.

    `half` is the file of the cloud's half of the program, `variables` is what that one needs. `name` and
    `address` are a member's; without them the cloud's half finds them. `authority`: PEM of the authority of
    private endpoints.
    """
    values: dict[str, Input[str]] = {
        "UNIT": unit.name,
        "KIND": unit.kind,
        "ROLES": " ".join(unit.roles),
        "DIGEST": unit.digest,
        "BOOT_NAME": name,
        "BOOT_ADDRESS": address,
        "VOLUME": volume,
        "DRAIN_SECONDS": str(unit.drain_seconds),
        "CA": authority.strip(),
        **variables,
    }
    names = list(values)
    resolved = Output.all(*values.values())
    rendered: Output[str] = resolved.apply(
        lambda known: program(half, dict(zip(names, map(str, known), strict=True)))
    )
    return rendered


def longest(
    half: Path, name: str, kind: str, variables: Mapping[str, str], *, volume: str, authority: str
) -> str:
    """A program as long as a unit's can be, without anything that is only known once it is made.

    `variables` and `volume` are to be as long as they can be.
    """
    values = {
        "UNIT": name,
        "KIND": kind,
        "ROLES": " ".join((Role.ETCD, Role.CONTROL_PLANE, Role.NODE)),
        "DIGEST": "0" * 64,
        "BOOT_NAME": name,
        "BOOT_ADDRESS": "255.255.255.255",
        "VOLUME": volume,
        "DRAIN_SECONDS": "86400",
        "CA": authority.strip(),
        **variables,
    }
    return program(half, values)


def program(half: Path, variables: Mapping[str, str]) -> str:
    """The program's text. Raises ValueError for a variable that sh could not have."""
    wrong = [name for name in variables if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"no names of variables: {', '.join(wrong)}")
    title = f"# Kubewright's boot program of {variables['KIND']}/{variables['UNIT']}"
    words = [f"{name}={quote(value)}" for name, value in variables.items()]
    lines = ["#!/bin/sh", title, "set -eu", "umask 077", *words, _code(half), _code(_SHARED)]
    return "\n".join(lines)


def _code(file: Path) -> str:
    """A half of the program without its comments: clouds limit the size of user data."""
    return _COMMENT.sub("", file.read_text())


_SHARED = Path(__file__).with_name("boot.sh")
