"""Types and names of resources that reports handle specially. Types of clouds: `providers.registry`."""

from __future__ import annotations

from providers.registry import CLOUDS

MACHINES = tuple(type_ for cloud in CLOUDS for type_ in cloud.types.machines)
MACHINE_GROUPS = tuple(type_ for cloud in CLOUDS for type_ in cloud.types.machine_groups)
MACHINE_INPUTS = tuple(name for cloud in CLOUDS for name in cloud.types.machine_inputs)
"""Inputs of a machine group whose change replaces the machines of the group."""
DATA_TYPES = (
    *(type_ for cloud in CLOUDS for type_ in cloud.types.stateful),
    "kubernetes:core/v1:PersistentVolume",
    "kubernetes:core/v1:PersistentVolumeClaim",
)
"""Types of volumes, stores and encryption keys. Their deletion loses data."""
ENDPOINT_TYPES = tuple(type_ for cloud in CLOUDS for type_ in cloud.types.api_endpoints)
"""Types of load balancers and addresses of the API endpoint."""
CLOUD_PREFIXES = tuple(f"{cloud.plugin}:" for cloud in CLOUDS)
DELIVERY_TYPES = ("command:remote:Command", "command:local:Command")
"""Types of commands that deliver a role to a host: over SSH, or in a cloud by waiting until the host has the
role.
"""
ROLL_SUFFIX = "-roll"
"""Suffix of the command that replaces the machine of a member (`providers.cloud.gate.create_rollout`)."""
