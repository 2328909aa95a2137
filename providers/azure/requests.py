"""The clients of operations on Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.cloud.requests import CloudMachines, StoreUnavailable

if TYPE_CHECKING:
    from settings.cluster import Settings


def open_machines(settings: Settings, variables: Mapping[str, str]) -> CloudMachines:
    """Return the machines of the cluster with these settings."""
    raise StoreUnavailable("not supported yet")
