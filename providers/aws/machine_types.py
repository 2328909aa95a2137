"""The table of EC2's machine types and zones, by which settings are checked. Imports no SDK.

The table is the file machine_types.json, which `python3 -m providers.aws.refresh_types` writes from the API
of EC2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from topology.architectures import AMD64, ARM64

TABLE_FILE = Path(__file__).with_name("machine_types.json")
EC2_ARCHITECTURES = {AMD64: "x86_64", ARM64: "arm64"}
"""The architectures of machines that clusters can have, in EC2's words."""
REFRESH_COMMAND = "python3 -m providers.aws.refresh_types --region"


@dataclass(frozen=True, slots=True)
class MachineType:
    """A machine type: vCPUs, memory in MiB, architecture, and whether its EBS volumes are NVMe devices.

    `gpu` is the manufacturer of its GPUs, such as `NVIDIA`; empty without GPUs.
    """

    vcpus: int
    memory: int
    architecture: str
    has_nvme: bool
    gpu: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """The names of the zones of a region, and the machine types that it offers."""

    zones: tuple[str, ...]
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class TypeTable:
    """The machine types by name and the regions by name. `date` is the day on which they were read."""

    date: str
    types: Mapping[str, MachineType]
    regions: Mapping[str, Region]


@cache
def type_table() -> TypeTable:
    """Return the table in `TABLE_FILE`."""
    content = json.loads(TABLE_FILE.read_text())
    return TypeTable(
        date=content["date"],
        types={name: MachineType(*values) for name, values in content["types"].items()},
        regions={
            name: Region(tuple(region["zones"]), _expand_families(region["types"], content["types"]))
            for name, region in content["regions"].items()
        },
    )


def _expand_families(words: list[str], types: Mapping[str, object]) -> frozenset[str]:
    """Return the types that `words` name: single types such as `m6i.large`, and families such as `m6i`."""
    families = {word for word in words if "." not in word}
    return frozenset(name for name in types if name in words or name.partition(".")[0] in families)
