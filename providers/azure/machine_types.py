"""The table of Azure's machine sizes and zones, by which settings are checked. Imports no SDK.

The table is the file machine_types.json. `python3 -m providers.azure.refresh_types` reads locations from the
API of Azure into it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from topology.architectures import AMD64, ARM64

TABLE_FILE = Path(__file__).with_name("machine_types.json")
AZURE_ARCHITECTURES = {AMD64: "x64", ARM64: "Arm64"}
"""The architectures of machines that clusters can have, in Azure's words."""
REFRESH_COMMAND = "python3 -m providers.azure.refresh_types --subscription"


@dataclass(frozen=True, slots=True)
class MachineType:
    """A machine size: enabled vCPUs, memory in MiB, architecture, and whether it can have premium disks."""

    vcpus: int
    memory: int
    architecture: str
    has_premium_disks: bool


@dataclass(frozen=True, slots=True)
class Region:
    """The zones of a location, and the zones of each size that it offers. `types` is None for a location
    whose sizes were not read.
    """

    zones: tuple[str, ...]
    types: Mapping[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class TypeTable:
    """The machine sizes by name and the locations by name. `date` is the day on which they were read."""

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
        regions={name: _parse_region(region) for name, region in content["regions"].items()},
    )


def _parse_region(region: Mapping[str, Any]) -> Region:
    """Return a location. The file lists its sizes by their zones, such as `{"1,2,3": ["Standard_D2s_v5"]}`;
    the zones are empty for sizes without zones.
    """
    groups = region.get("types")
    if groups is None:
        return Region(tuple(region["zones"]), None)
    types = {
        name: tuple(zones.split(",")) if zones else () for zones, names in groups.items() for name in names
    }
    return Region(tuple(region["zones"]), types)
