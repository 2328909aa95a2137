"""Lists the resources that exist in the emulated Azure, for example after the removal of a cluster."""

from __future__ import annotations

from lab.cloud.azure.resources import Resources


def remaining_resources(lab: str) -> list[str]:
    """Return the resources of an emulated subscription as `<type> <name>`, sorted."""
    return sorted(f"{resource.type} {resource.name}" for resource in Resources.of(lab).all().values())
