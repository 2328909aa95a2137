"""The data that rules check, and the violations that they report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network

from providers import registry
from providers.descriptor import CloudDescriptor
from providers.resources import Inputs

PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource that the engine will create or keep. `inputs` are JSON with `MASK` and `UNKNOWN`."""

    type: str
    urn: str
    inputs: Inputs
    protect: bool = False

    @property
    def name(self) -> str:
        """Return the resource's name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def cloud(self) -> CloudDescriptor | None:
        """Return the cloud whose plugin provides the resource; None for other plugins."""
        return registry.by_type(self.type)

    @property
    def canonical_type(self) -> str:
        """Return the type without an API version."""
        return self.cloud.readers.canonical_type(self.type) if self.cloud else self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFacts:
    """Facts of the stack's settings.

    `api_ports` are the ports of the API, at the machines and at the endpoint. `versions` are Kubernetes
    versions, each with the path of its setting. `etcd_hosts` are the hosts of etcd members.
    `snapshots_copied`: etcd's snapshots are copied away from the members' disks.
    """

    cluster: str
    environment: str
    api_allowed: tuple[IPv4Network, ...]
    api_ports: tuple[int, ...]
    versions: tuple[tuple[str, str], ...]
    etcd_hosts: tuple[str, ...]
    snapshots_copied: bool
    is_cloud: bool
    today: date

    @property
    def is_production(self) -> bool:
        """Return whether the stack is a production environment."""
        return self.environment == PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule. Messages show no value that may be secret. `urn` is empty for the stack's settings."""

    rule: str
    message: str
    urn: str
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    """A rule for single resources. `check` yields a message for each violation."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Resource, StackFacts], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRule:
    """A rule for the stack's settings. `check` yields a message for each violation."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[StackFacts], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule:
    """A rule for all resources together. `check` yields (resource, message) for each violation."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Sequence[Resource], StackFacts], Iterator[tuple[Resource, str]]]


Rule = ResourceRule | SettingsRule | StackRule
