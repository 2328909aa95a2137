"""The description of a cloud for code that works with every cloud: plain data and pure functions, no SDK.

Reports, policies, preflight checks and the choice of the provider read `providers.registry`. An import of a
descriptor stays cheap: modules that need settings or an SDK are imported inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.resources import ResourceReaders

if TYPE_CHECKING:
    from components.provider import Provider
    from nodeconfig.bundle import Bundle
    from settings.cluster import Settings
    from topology.model import Role, Topology

    CreateProvider = Callable[
        [Settings, Topology, Mapping[str, str], Mapping[tuple[str, Role], Bundle]], Provider
    ]
    """Create the provider from settings, topology, texts of named files by path, and bundles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTypes:
    """Pulumi type tokens of the cloud's resources, by meaning.

    `data` are the types whose deletion loses data, `entrances` the types behind the API endpoint, and
    `machine_inputs` the inputs of a group of machines whose change replaces its machines. `cost_inputs` are
    the inputs that name the type and number of machines. Each store needs one resource of
    `store_encryptions` and one of `public_access_blocks` (empty: the cloud has none).
    """

    machines: tuple[str, ...]
    machine_groups: tuple[str, ...]
    launch_templates: tuple[str, ...]
    machine_inputs: tuple[str, ...]
    cost_inputs: tuple[str, ...]
    stores: tuple[str, ...]
    store_encryptions: tuple[str, ...]
    public_access_blocks: tuple[str, ...]
    data: tuple[str, ...]
    entrances: tuple[str, ...]
    tagged: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDescriptor:
    """One cloud.

    `settings_section` is the key under `kubewright:cluster` and the name of the cloud's package, `plugin` the
    name of its Pulumi plugin and the first word of its type tokens. `machine_prices` returns US dollars an
    hour by machine type for a region, None without a table for the region. `create_provider` imports the SDK
    when it is called.
    """

    settings_section: str
    title: str
    plugin: str
    types: ResourceTypes
    readers: ResourceReaders
    machine_prices: Callable[[str], Mapping[str, float] | None]
    create_provider: CreateProvider
