"""The data types of policy rules: the resources and facts that rules check, and the reported violations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network

from providers import registry
from providers.descriptor import CloudDescriptor
from providers.resources import Inputs
from topology.environments import PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource that the engine will create or keep.

    `inputs` are JSON values. `MASK` replaces secret values and `UNKNOWN` replaces unknown values.
    """

    type: str
    urn: str
    inputs: Inputs
    protect: bool = False

    @property
    def cloud(self) -> CloudDescriptor | None:
        """Return the cloud whose plugin provides the resource; None for other plugins."""
        return registry.by_type(self.type)

    @property
    def canonical_type(self) -> str:
        """Return the resource type without an API version."""
        return self.cloud.readers.canonical_type(self.type) if self.cloud else self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFacts:
    """The facts of a stack that rules check, read from its settings.

    `api_ports` are the ports of the Kubernetes API on the machines and on the endpoint. `versions` are
    Kubernetes versions, each with the path of its setting. `etcd_hosts` are the hosts of etcd members.
    `snapshots_copied` is true when etcd snapshots are copied to storage outside the members' disks.
    `artifacts_pinned` is true when the checkout has the digests of what the mirror serves. `unpinned_charts`
    are the settings of charts that have no digest and are not in the checkout. `issuer_store` is the store
    with the public documents of the issuer of service account tokens; empty without such a store.
    """

    cluster: str
    environment: str
    api_allowed: tuple[IPv4Network, ...]
    api_ports: tuple[int, ...]
    versions: tuple[tuple[str, str], ...]
    etcd_hosts: tuple[str, ...]
    snapshots_copied: bool
    artifacts_pinned: bool
    unpinned_charts: tuple[str, ...]
    issuer_store: str
    is_cloud: bool
    today: date

    @property
    def is_production(self) -> bool:
        """Check whether the stack is a production environment."""
        return self.environment == PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A violation of a policy rule.

    The message contains no value that may be secret. `urn` is empty for a violation in the settings.
    """

    rule: str
    message: str
    urn: str
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    """A rule that checks each resource separately. `check` yields a message for each violation."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Resource, StackFacts], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRule:
    """A rule that checks the settings of the stack. `check` yields a message for each violation."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[StackFacts], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule:
    """A rule that checks all resources of a stack together.

    `check` yields the resource and a message for each violation.
    """

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Sequence[Resource], StackFacts], Iterator[tuple[Resource, str]]]


Rule = ResourceRule | SettingsRule | StackRule
