"""Invalid settings of machines with several processor architectures."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

ARCHITECTURES = (
    InvalidSettings(
        "aws.image_arm64",
        "needs either id, or owner and name (a pattern such as debian-13-arm64-*)",
        {"pools.general.machine.types": ["m6g.large"]},
        AWS,
    ),
    InvalidSettings(
        "pools.general.machine.types",
        "types of several architectures: m6i.large (amd64), m6g.large (arm64)",
        {"pools.general.machine.types": ["m6i.large", "m6g.large"], "aws.image_arm64": {"id": "ami-1"}},
        AWS,
    ),
    InvalidSettings(
        "azure.image_arm64",
        "needs either id, or publisher, offer and sku",
        {"pools.general.machine.types": ["Standard_D2ps_v6"]},
        AZURE,
    ),
)
