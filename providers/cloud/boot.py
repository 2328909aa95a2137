"""The boot program: user data by which a new machine installs its machine config from the store. It contains
no secret.

The program has two parts: the shared `boot.sh` in this package, and the `boot.sh` of the cloud with the
functions `cloud_*` that the shared part calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from pulumi import Input, Output

from providers.cloud.machine_config import MachineConfig
from topology.model import Role

METADATA = "http://169.254.169.254"
"""Default URL of the metadata service."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_COMMENT = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)
_SHARED_PART = Path(__file__).with_name("boot.sh")


def boot_program(
    config: MachineConfig,
    cloud_part: Path,
    variables: Mapping[str, Input[str]],
    *,
    name: str = "",
    address: str = "",
    volume: Input[str] = "",
    ca: str = "",
) -> Output[str]:
    """Return the boot program of the machines with this config.

    `cloud_part` is the file with the cloud's part of the program, `variables` are the variables of that part.
    `name` and `address` of the machine are set for members; machines of a pool read them from the metadata
    service. `volume` identifies the data volume of a member. `ca` is the certificate authority of private
    endpoints in PEM.
    """
    values: dict[str, Input[str]] = {
        "UNIT": config.name,
        "KIND": config.kind,
        "ROLES": " ".join(config.roles),
        "DIGEST": config.digest,
        "BOOT_NAME": name,
        "BOOT_ADDRESS": address,
        "VOLUME": volume,
        "DRAIN_SECONDS": str(config.drain_seconds),
        "CA": ca.strip(),
        **variables,
    }
    names = list(values)
    resolved = Output.all(*values.values())
    rendered: Output[str] = resolved.apply(
        lambda texts: render_program(cloud_part, dict(zip(names, map(str, texts), strict=True)))
    )
    return rendered


def longest_program(
    cloud_part: Path, name: str, kind: str, variables: Mapping[str, str], *, volume: str, ca: str
) -> str:
    """Return the longest boot program that a machine config can have.

    Values that are known only after the creation of resources have their maximum length. The caller gives
    `variables` and `volume` with their maximum lengths.
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
        "CA": ca.strip(),
        **variables,
    }
    return render_program(cloud_part, values)


def render_program(cloud_part: Path, variables: Mapping[str, str]) -> str:
    """Return the text of the boot program. Raise ValueError for an invalid name of a shell variable."""
    invalid = [name for name in variables if not _NAME.fullmatch(name)]
    if invalid:
        raise ValueError(f"not names of shell variables: {', '.join(invalid)}")
    title = f"# Kubewright's boot program of {variables['KIND']}/{variables['UNIT']}"
    assignments = [f"{name}={quote(value)}" for name, value in variables.items()]
    head = ["#!/bin/sh", title, "set -eu", "umask 077"]
    return "\n".join([*head, *assignments, _without_comments(cloud_part), _without_comments(_SHARED_PART)])


def _without_comments(file: Path) -> str:
    """Return the text of a shell file without comments, because clouds limit the size of user data."""
    return _COMMENT.sub("", file.read_text())
