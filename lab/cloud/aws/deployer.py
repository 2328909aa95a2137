"""The environment variables with which the deployer uses the emulated AWS of a lab. Imports no SDK."""

from __future__ import annotations

from lab import spec
from lab.cloud.ports import API_PORT
from lab.cloud.running import ADMIN, admin_secret
from lab.paths import LabPaths

REGION = "eu-central-1"
"""The region of the emulation, unless the settings of a stack name another one."""
REGIONS = (REGION, "eu-west-1")
"""The regions that a lab can emulate."""


def environment_variables(lab: str) -> dict[str, str]:
    """Return the environment variables with which AWS SDKs use the emulated account of a lab."""
    paths = LabPaths.of(lab)
    described = spec.read(paths.spec)
    return {
        "AWS_ENDPOINT_URL": f"https://{described.gateway}:{API_PORT}",
        "AWS_ACCESS_KEY_ID": ADMIN,
        "AWS_SECRET_ACCESS_KEY": admin_secret(lab),
        "AWS_CA_BUNDLE": str(paths.ca),
        "AWS_REGION": described.region or REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
