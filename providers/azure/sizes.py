"""Machine sizes of Azure: what their names contain. Imports no SDK.

The module `machine_types` has the table of sizes. It lacks what only the names contain.

https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Standard_D4s_v5: family, vCPUs, features, version; Standard_D8-4s_v5 has four of eight vCPUs enabled;
# Standard_NC24ads_A100_v4 names its accelerator.
_SIZE = re.compile(
    r"Standard_(?P<family>[A-Z]{1,3})(?P<all>[0-9]+)(?:-(?P<enabled>[0-9]+))?[a-z]*"
    r"(?:_(?P<accelerator>(?!v[0-9])[A-Za-z0-9_]+?))?(?:_v(?P<version>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Size:
    """A machine size: its name, family (`D`), enabled vCPUs, version, and accelerator (`A100`).

    A name without version has version 1. Older sizes with GPUs do not name the accelerator.
    """

    name: str
    family: str
    vcpus: int
    version: int
    accelerator: str = ""

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
        return self.family in ("NC", "NCC", "ND", "NV") and not is_amd


def parse(name: str) -> Size | None:
    """Return the size with this name; None for a text that is no name of a size."""
    match = _SIZE.fullmatch(name)
    if match is None:
        return None
    return Size(
        name=name,
        family=match["family"],
        vcpus=int(match["enabled"] or match["all"]),
        version=int(match["version"] or 1),
        accelerator=match["accelerator"] or "",
    )
