"""Which provider a stack has."""

from __future__ import annotations

from collections.abc import Mapping

from components.provider import Provider
from nodeconfig.bundle import Bundle
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from topology.model import Role, Topology


def provider_for(
    settings: Settings,
    topology: Topology,
    files: Mapping[str, str],
    bundles: Mapping[tuple[str, Role], Bundle],
) -> Provider:
    """The provider that the settings ask for; `files` are the texts of the files they name.

    A cloud looks at all `bundles` at once: a machine is made once for all of its roles. Raises
    SettingsError when there is none, or when the provider misses something.
    """
    # Imported only where it is used: the SDKs of the clouds take seconds.
    if settings.metal is not None:
        from providers.metal.provider import Metal

        return Metal(settings.metal, topology, files)
    if settings.aws is not None:
        from providers.aws.provider import Aws

        return Aws(settings, topology, files, bundles)
    if settings.azure is not None:
        from providers.azure.provider import Azure

        return Azure(settings, topology, files, bundles)
    raise SettingsError([Problem("metal", "", "no hosts; describe them here (docs/contract.md)")])
