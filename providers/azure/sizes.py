"""Machine sizes of Azure: what their names contain, and the series that exist. Imports no SDK.

https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

AS_OF = date(2026, 11, 21)
"""The date of the table of series. A newer version of a series that the table contains is accepted."""

# Standard_D4s_v5: family, vCPUs, features, version; Standard_D8-4s_v5 has four of eight vCPUs enabled;
# Standard_NC24ads_A100_v4 names its accelerator.
_SIZE = re.compile(
    r"Standard_(?P<family>[A-Z]{1,3})(?P<all>[0-9]+)(?:-(?P<enabled>[0-9]+))?(?P<features>[a-z]*)"
    r"(?:_(?P<accelerator>(?!v[0-9])[A-Za-z0-9]+))?(?:_v(?P<version>[0-9]+))?"
)
_SMALL = (2, 4, 8, 16, 32, 48, 64)
_LARGE = (*_SMALL, 20, 80, 96, 104, 112, 120, 128, 144, 160, 176, 192)

SERIES: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "A": {2: (1, 2, 4, 8)},
    "B": {1: (1, 2, 4, 8, 12, 16, 20), 2: (2, 4, 8, 16, 32)},
    "D": {3: _SMALL, 4: (*_SMALL, 96), 5: (*_SMALL, 96), 6: _LARGE, 7: _LARGE},
    "DC": {2: (1, 2, 4, 8), 3: (1, 2, 4, 8, 16, 24, 32, 48), 5: (*_SMALL, 96), 6: _LARGE},
    "E": {3: (*_SMALL, 20), 4: (*_SMALL, 20, 80, 96), 5: _LARGE, 6: _LARGE, 7: _LARGE},
    "EC": {5: _LARGE, 6: _LARGE},
    "F": {1: (1, 2, 4, 8, 16), 2: (*_SMALL, 72), 6: _LARGE, 7: _LARGE},
    "FX": {1: (4, 12, 24, 36, 48), 2: (2, 4, 8, 12, 16, 24, 32, 48, 64, 96)},
    "L": {2: (8, 16, 32, 48, 64, 80), 3: (*_SMALL, 80), 4: (*_SMALL, 80, 96)},
    **{family: {} for family in ("M", "HB", "HC", "HX", "NC", "ND", "NG", "NP", "NV")},
}
"""Numbers of vCPUs by family and version. A family with an empty entry has any numbers."""


@dataclass(frozen=True, slots=True)
class Size:
    """A machine size: its name, family (`D`), vCPUs of the series, enabled vCPUs, features (`ads`), version,
    and accelerator (`A100`).

    A name without version has version 1. Older sizes with GPUs do not name the accelerator.
    """

    name: str
    family: str
    series_vcpus: int
    vcpus: int
    features: str
    version: int
    accelerator: str = ""

    @property
    def has_premium_disks(self) -> bool:
        """Whether the size can have premium disks."""
        return "s" in self.features

    @property
    def has_accelerated_networking(self) -> bool:
        """Whether the size can have accelerated networking."""
        return self.family != "A" and not (self.family == "B" and self.version == 1 and self.vcpus < 12)

    @property
    def has_nvidia_gpu(self) -> bool:
        """Whether the size has a GPU of NVIDIA, or a part of one.

        Some versions of these families have GPUs of AMD: the Instinct MI300X, the Radeon PRO V710, and NVv4
        with the Instinct MI25.
        """
        is_amd = self.accelerator.startswith(("MI", "V7")) or (self.family, self.version) == ("NV", 4)
        return self.family in ("NC", "ND", "NV") and not is_amd


def parse(name: str) -> Size | None:
    """Return the size with this name; None for a text that is no name of a size."""
    match = _SIZE.fullmatch(name)
    if match is None:
        return None
    return Size(
        name=name,
        family=match["family"],
        series_vcpus=int(match["all"]),
        vcpus=int(match["enabled"] or match["all"]),
        features=match["features"],
        version=int(match["version"] or 1),
        accelerator=match["accelerator"] or "",
    )


def vcpus(name: str) -> int | None:
    """Return the enabled vCPUs of a machine size; None for a text that is no name of a size."""
    size = parse(name)
    return size.vcpus if size else None


def describe_unknown(size: Size) -> str:
    """Return why Azure has no such size; empty for an existing size, or a version newer than the table."""
    if size.family not in SERIES:
        return f"there is no series {size.family}"
    versions = SERIES[size.family]
    if not versions or size.version > max(versions):
        return ""
    if size.version not in versions:
        return f"the series {size.family} has no version {size.version}"
    numbers = versions[size.version]
    if size.series_vcpus in numbers:
        return ""
    known = ", ".join(map(str, sorted(numbers)))
    return f"the series {size.family}v{size.version} has sizes with {known} vCPUs"
