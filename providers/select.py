"""Selection of the provider for a stack: bare metal or a cloud."""

from __future__ import annotations

from collections.abc import Mapping

from components.provider import Provider
from components.scope import Scope
from nodeconfig.bundle import Bundle
from providers.capacity import check_capacity
from providers.registry import by_section
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from topology.model import Role, Topology


def provider_for(
    settings: Settings,
    topology: Topology,
    files: Mapping[str, str],
    bundles: Mapping[tuple[str, Role], Bundle],
    scope: Scope,
) -> Provider:
    """Return the provider for bare metal or for the cloud whose section the settings have.

    `files` are the texts of the files that settings name, by path. A cloud gets all `bundles` at once: one
    machine has several roles. `scope` is the scope of all resources. Raise SettingsError
    when no section describes hosts, or when the provider rejects the settings.
    """
    check_capacity(settings)
    # SDKs take seconds to import: a stack imports only the SDK of its provider.
    if settings.metal is not None:
        from providers.metal.provider import MetalProvider

        return MetalProvider(settings.metal, topology, files, scope)
    cloud = by_section(settings.cloud_name)
    if cloud is None:
        raise SettingsError([Problem("metal", "", "no hosts; describe them here (docs/settings.md)")])
    return cloud.create_provider(settings, topology, files, bundles, scope)
