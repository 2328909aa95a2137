"""Descriptors of clouds for code that works with every cloud: plain data and pure functions, no SDK.

Reports, policies, preflight checks and the choice of the provider read `providers.registry`. The import of a
descriptor is fast: modules that need settings or an SDK are imported inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.resources import ResourceReaders
from topology.model import Size

if TYPE_CHECKING:
    from components.provider import Provider
    from components.scope import Scope
    from nodeconfig.bundle import Bundle
    from providers.cloud.requests import CloudMachines, CopyStore
    from settings.cluster import Settings
    from topology.model import Role, Topology

    CreateProvider = Callable[
        [Settings, Topology, Mapping[str, str], Mapping[tuple[str, Role], Bundle], Scope], Provider
    ]
    """Function that creates the provider of a cloud.

    Its arguments are the settings, the topology, the texts of the files that settings name (by path), the
    bundles by host name and role, and the scope of all resources.
    """

    OpenMachines = Callable[[Settings, Mapping[str, str]], CloudMachines]
    """Function that returns the machines of a cluster for operations.

    Its arguments are the settings, and the environment variables of an emulated cloud (empty for the cloud).
    """

    OpenCopies = Callable[[Settings, Mapping[str, str]], CopyStore]
    """Function that returns the copies of snapshots of a cluster, with the arguments of `OpenMachines`."""


MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTypes:
    """Pulumi type tokens and input names of a cloud's resources, by what they mean for reports and policies.

    machines: single machines.
    machine_groups: groups of machines, such as Auto Scaling groups and scale sets.
    launch_templates: templates from which groups create machines; empty where the cloud has none.
    machine_inputs: names of the inputs of a machine group whose change replaces its machines.
    cost_inputs: names of the inputs that contain the type and number of machines.
    stores: object stores. Each store needs one resource of `store_encryptions` and one of
    `public_access_blocks`, unless the cloud has no such resources (empty).
    stateful: resources whose deletion loses data.
    api_endpoints: resources through which clients reach the Kubernetes API.
    tags_required: resources that must have the tags of the policy.
    resized: resources whose size a controller in the cluster changes, and whose updates send the size in the
    state. The driver refreshes them before `up`.
    """

    machines: tuple[str, ...]
    machine_groups: tuple[str, ...]
    launch_templates: tuple[str, ...]
    machine_inputs: tuple[str, ...]
    cost_inputs: tuple[str, ...]
    stores: tuple[str, ...]
    store_encryptions: tuple[str, ...]
    public_access_blocks: tuple[str, ...]
    stateful: tuple[str, ...]
    api_endpoints: tuple[str, ...]
    tags_required: frozenset[str]
    resized: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudDescriptor:
    """The descriptor of one cloud.

    `settings_section` is the key under `kubewright:cluster` and the name of the cloud's package. `title` is
    the name of the cloud in messages. `plugin` is the name of its Pulumi plugin and the first word of its
    type tokens. `machine_prices` takes a region and returns US dollars an hour by machine type, or None
    without a price table for the region. `machine_size` returns the CPUs and memory of a machine type, or
    None for a type that is not in the table of the cloud. `create_provider`, `open_machines` and
    `open_copies` import the SDK when they are called.
    """

    settings_section: str
    title: str
    plugin: str
    types: ResourceTypes
    readers: ResourceReaders
    machine_prices: Callable[[str], Mapping[str, float] | None]
    machine_size: Callable[[str], Size | None]
    create_provider: CreateProvider
    open_machines: OpenMachines
    open_copies: OpenCopies
