"""Which provider a stack has."""

from __future__ import annotations

from collections.abc import Mapping

from providers.contract import Provider
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from topology.model import Topology


def provider_for(settings: Settings, topology: Topology, files: Mapping[str, str]) -> Provider:
    """The provider that the settings ask for; `files` are the texts of the files they name.

    Raises SettingsError when there is none, or when the provider misses something.
    """
    if settings.metal is not None:
        # Imported only where it is used: the SDKs of the clouds take seconds.
        from providers.metal import Metal

        return Metal(settings.metal, topology, files)
    raise SettingsError([Problem("metal", "", "no hosts; describe them here (docs/contract.md)")])
