"""Checks of machine sizes and zones by the table of Azure (`machine_types`). Imports no SDK."""

from __future__ import annotations

from collections.abc import Iterable

from providers.azure import sizes
from providers.azure.machine_types import AZURE_ARCHITECTURES, REFRESH_COMMAND, MachineType, type_table
from providers.cloud.machines import requested_types
from settings.azure import AzureSettings
from settings.cluster import Settings
from settings.problem import Problem


def vcpus(name: str) -> int | None:
    """Return the enabled vCPUs of a machine size; None for a size that is not in the table."""
    known = type_table().types.get(name)
    return known.vcpus if known else None


def type_problems(settings: Settings, azure: AzureSettings) -> Iterable[Problem]:
    """Yield a problem for each machine size and zone that Azure does not offer or that the cluster cannot
    use.
    """
    for path, name in requested_types(settings):
        if reason := _unusable(name, azure):
            yield Problem(path, name, reason)
    yield from _gpu_problems(settings)
    yield from _zone_problems(azure)


def _unusable(name: str, azure: AzureSettings) -> str:
    """Return why the machines of a cluster cannot have this size; empty for a usable size."""
    size, known = sizes.parse(name), type_table().types.get(name)
    if size is None:
        return "not a machine size; use one such as Standard_D2s_v5"
    if known is None:
        return (
            f"not a machine size of Azure on {type_table().date}; correct it, or read the sizes again: "
            f"{_refresh_command(azure)}"
        )
    if not known.has_premium_disks:
        return "no premium disks; choose a size with an s, such as Standard_D2s_v5"
    if azure.network.accelerated and not size.has_accelerated_networking:
        return "has no accelerated networking; choose another size, or set azure.network.accelerated: false"
    return _wrong_architecture(name, known, azure) or _not_offered(name, azure)


def _wrong_architecture(name: str, known: MachineType, azure: AzureSettings) -> str:
    """Return why the machines of this size would boot a wrong image: images are chosen by the name."""
    if known.architecture == AZURE_ARCHITECTURES[azure.architecture(name)]:
        return ""
    return (
        f"a machine of the architecture {known.architecture}, which would boot the image for "
        f"{azure.architecture(name)}; use another size"
    )


def _not_offered(name: str, azure: AzureSettings) -> str:
    """Return in which zones the location lacks the size; empty if it has the size in all zones, or if its
    sizes are not in the table.
    """
    region = type_table().regions.get(azure.location)
    if region is None or region.types is None:
        return ""
    missing = [zone for zone in azure.zones if zone not in region.types.get(name, ())]
    if not missing:
        return ""
    place = f"zone {', '.join(missing)} of {azure.location}" if name in region.types else azure.location
    return (
        f"not offered in {place} on {type_table().date}; use another size, or read the sizes again: "
        f"{_refresh_command(azure)}"
    )


def _gpu_problems(settings: Settings) -> Iterable[Problem]:
    """Refuse sizes without NVIDIA GPUs in pools with GPUs."""
    for name, pool in settings.pools.items():
        for size in map(sizes.parse, pool.machine.types if pool.machine and pool.gpu else ()):
            if size is not None and not size.has_nvidia_gpu:
                yield Problem(
                    f"pools.{name}.machine.types",
                    size.name,
                    "has no NVIDIA GPU; use a size such as Standard_NC4as_T4_v3, or remove gpu from the pool",
                )


def _zone_problems(azure: AzureSettings) -> Iterable[Problem]:
    """Refuse zones that the location does not have. Locations that are not in the table are not checked."""
    region = type_table().regions.get(azure.location)
    if region is None:
        return
    if not region.zones:
        yield Problem(
            "azure.location",
            azure.location,
            f"has no availability zones on {type_table().date}; use another location, or read its zones "
            f"again: {_refresh_command(azure)}",
        )
        return
    zones = ", ".join(region.zones)
    for position, zone in enumerate(azure.zones):
        if zone not in region.zones:
            yield Problem(
                f"azure.zones[{position}]", zone, f"not a zone of {azure.location}, which has {zones}"
            )


def _refresh_command(azure: AzureSettings) -> str:
    cloud = "" if azure.cloud == "public" else f" --cloud {azure.cloud}"
    return f"{REFRESH_COMMAND} {azure.subscription} --region {azure.location}{cloud}"
