"""The boot program: user data by which a new machine installs its machine config from the store. It contains
no secret.

The program has two parts: the shared part, which is `boot.sh` and other `boot-*.sh` in this package, and the
part of the cloud with the functions `cloud_*` that the shared part calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from pulumi import Input, Output

from nodeconfig.sources import source_path
from providers.cloud.machine_config import POOLS, MachineConfig
from topology.model import Role

METADATA = "http://169.254.169.254"
"""Default URL of the metadata service."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_INDENTATION = re.compile(r"^(?: {4})+", re.MULTILINE)
_PYTHON_END = "END_OF_PYTHON"
_COMMENT = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)
COPIES = "COPIES"
"""The shell variable with the URL to which etcd members copy their snapshots."""
TOKENS = "JOINS"
"""The shell variable with the prefix in the store of the bootstrap tokens of machines in pools, encoded for a
URL. Dedicated members of etcd have no such variable.
"""


def boot_program(
    config: MachineConfig,
    cloud_parts: Sequence[Path],
    variables: Mapping[str, Input[str]],
    *,
    name: str = "",
    address: str = "",
    volume: Input[str] = "",
    ca: str = "",
    repair_seconds: int = 0,
    versioned: bool = False,
) -> Output[str]:
    """Return the boot program of the machines with this config.

    `cloud_parts` are the files with the cloud's part of the program, in sh or Python. `variables` are its
    variables.
    `name` and `address` of the machine are set for members; machines of a pool read them from the metadata
    service. `volume` identifies the data volume of a member. `ca` is the certificate authority of private
    endpoints in PEM. A machine that is not healthy for `repair_seconds` is repaired or replaced; 0: never.
    With `versioned`, the machine fetches the copies of its config whose keys contain the digest.
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
        "REPAIR_SECONDS": str(repair_seconds),
        # With its digest, the key of an object names its content: see `digests.publish_config`.
        "CONFIG": config.versioned_prefix if versioned else f"{config.kind}/{config.name}",
        "CA": ca.strip(),
        **variables,
    }
    names = list(values)
    resolved = Output.all(*values.values())
    rendered: Output[str] = resolved.apply(
        lambda texts: render_program(cloud_parts, dict(zip(names, map(str, texts), strict=True)))
    )
    return rendered


def longest_program(
    cloud_parts: Sequence[Path], name: str, kind: str, variables: Mapping[str, str], *, volume: str, ca: str
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
        "REPAIR_SECONDS": "86400",
        "CONFIG": f"{kind}/{name}/{'0' * 64}",
        "CA": ca.strip(),
        **variables,
    }
    return render_program(cloud_parts, values)


def render_program(cloud_parts: Sequence[Path], variables: Mapping[str, str]) -> str:
    """Return the text of the boot program. Raise ValueError for an invalid name of a shell variable."""
    invalid = [name for name in variables if not _NAME.fullmatch(name)]
    if invalid:
        raise ValueError(f"not names of shell variables: {', '.join(invalid)}")
    title = f"# Kubewright's boot program of {variables['KIND']}/{variables['UNIT']}"
    assignments = [f"{name}={quote(value)}" for name, value in variables.items()]
    head = ["#!/bin/sh", title, "set -eu", "umask 077"]
    parts = map(_part_text, (*cloud_parts, *_shared_parts(variables["KIND"])))
    return "\n".join([*head, *assignments, *parts])


def _shared_parts(kind: str) -> tuple[Path, ...]:
    """Return the files of the shared part for a kind of machines."""
    names = ("lifecycle", "requests", "pool" if kind == POOLS else "member")
    return (
        *(() if kind == POOLS else (source_path("blank-disk.sh"),)),
        *(Path(__file__).with_name(f"boot-{name}.sh") for name in names),
        Path(__file__).with_name("boot.sh"),
    )


def _part_text(file: Path) -> str:
    """Return the text of a part. A file of Python becomes a shell function with the name of the file."""
    text = _without_comments(file)
    if file.suffix != ".py":
        return text
    if f"\n{_PYTHON_END}\n" in text:
        raise ValueError(f"{file}: has the line that ends it in the boot program")
    return f"{file.stem}() {{\n\tpython3 - \"$@\" <<'{_PYTHON_END}'\n{text}{_PYTHON_END}\n}}\n"


def _without_comments(file: Path) -> str:
    """Return the text of a file without comments and with tabs: clouds limit the size of user data."""
    code = _COMMENT.sub("", file.read_text())
    return _INDENTATION.sub(lambda match: "\t" * (len(match[0]) // 4), code)
