"""Checks of machine types and zones by the table of EC2 (`machine_types`). Imports no SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable

from providers.aws.machine_types import EC2_ARCHITECTURES, REFRESH_COMMAND, MachineType, type_table
from providers.cloud.machines import requested_types
from settings.aws import AwsSettings
from settings.cluster import Settings
from settings.problem import Problem

_FORM = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
_MEMBERS = ("control_planes.machine.type", "etcd.machine.type")


def vcpus(machine_type: str) -> int | None:
    """Return the vCPUs of a machine type; None for a type that is not in the table."""
    known = type_table().types.get(machine_type)
    return known.vcpus if known else None


def type_problems(settings: Settings, aws: AwsSettings) -> Iterable[Problem]:
    """Yield a problem for each machine type and zone that EC2 does not offer or that the cluster cannot
    use.
    """
    for path, name in requested_types(settings):
        reason = _unusable(name, aws.region) or (_without_volume_ids(name) if path in _MEMBERS else "")
        if reason:
            yield Problem(path, name, reason)
    for pool, section in settings.pools.items():
        if section.machine is not None:
            path = f"pools.{pool}.machine.types"
            yield from _mixed_size_problems(path, section.machine.types)
            if section.gpu is not None:
                yield from _gpu_problems(path, section.machine.types)
    yield from _zone_problems(aws)


def _unusable(name: str, region: str) -> str:
    """Return why the machines of a cluster in a region cannot have this type; empty for a usable type."""
    table = type_table()
    if not _FORM.fullmatch(name):
        return "not an instance type; use one such as m6i.large"
    known = table.types.get(name)
    if known is None:
        return (
            f"not a type of EC2 on {table.date}; correct it, or read the types again: "
            f"{REFRESH_COMMAND} {region}"
        )
    if known.architecture not in EC2_ARCHITECTURES.values():
        return f"a machine of the architecture {known.architecture}; use an amd64 or arm64 type"
    if region in table.regions and name not in table.regions[region].types:
        return (
            f"not offered in {region} on {table.date}; use another type, or read the types again: "
            f"{REFRESH_COMMAND} {region}"
        )
    return ""


def _without_volume_ids(name: str) -> str:
    """Return why a member cannot have this type; empty for a usable type.

    Only NVMe devices have the id of their volume in their names ("EBS volumes and NVMe" in the EBS
    user guide).
    """
    if type_table().types[name].has_nvme:
        return ""
    return (
        "has no device names with volume ids, by which members find their data; use a newer family, "
        "such as m6i"
    )


def _mixed_size_problems(path: str, names: Iterable[str]) -> Iterable[Problem]:
    """Refuse types of several sizes: the autoscaler assumes that all nodes of a group are alike."""
    known = {name: type_table().types[name] for name in names if name in type_table().types}
    if len({(kind.vcpus, kind.memory) for kind in known.values()}) > 1:
        sizes = ", ".join(f"{name} ({_describe_size(kind)})" for name, kind in known.items())
        yield Problem(
            path,
            "",
            f"types of several sizes: {sizes}; the autoscaler assumes one size for a pool; use types with "
            "the same vCPUs and memory, or several pools",
        )


def _gpu_problems(path: str, names: Iterable[str]) -> Iterable[Problem]:
    """Refuse types without NVIDIA GPUs."""
    table = type_table()
    for name in names:
        known = table.types.get(name)
        if known is not None and known.gpu != "NVIDIA":
            reason = f"has GPUs of {known.gpu}" if known.gpu else "has no GPU"
            yield Problem(path, name, f"{reason}; use a type such as g6.xlarge, or remove gpu from the pool")


def _describe_size(kind: MachineType) -> str:
    return f"{kind.vcpus} vCPUs, {kind.memory / 1024:g} GiB"


def _zone_problems(aws: AwsSettings) -> Iterable[Problem]:
    region = type_table().regions.get(aws.region)
    if region is None:
        return
    zones = ", ".join(region.zones)
    for position, zone in enumerate(aws.zone_names):
        if zone not in region.zones:
            yield Problem(f"aws.zones[{position}]", zone, f"not a zone of {aws.region}, which has {zones}")
    if not aws.zone_names and aws.zone_count > len(region.zones):
        yield Problem("aws.zones", str(aws.zone_count), f"{aws.region} has only {zones}; request fewer zones")
