"""What rules look at, and what they say. Plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network
from typing import Any

from pulumi.runtime import rpc

SECRET = "[secret]"
"""Stands for a value that is marked secret: the engine's own word in its events."""
UNKNOWN: str = rpc.UNKNOWN
"""Stands for a value that is not known before the update: the engine's sign for a computed text."""
PRODUCTION = "production"

_VERSION_OF_AZURE = re.compile(r"^(azure-native:[a-z0-9]+)/v[0-9]{8}[a-z]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as the engine is about to make or keep it. `inputs` are JSON with `SECRET` and `UNKNOWN`."""

    type: str
    urn: str
    inputs: Mapping[str, Any]
    protect: bool = False

    @property
    def name(self) -> str:
        """Its name in the program."""
        return self.urn.rpartition("::")[2]

    @property
    def kind(self) -> str:
        """Its type; Azure's without the version of the API."""
        return _VERSION_OF_AZURE.sub(r"\1:", self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What rules need of the stack's settings.

    `api_ports` are those of the API, at the machines and at the endpoint. `versions` are Kubernetes
    versions with the path of the setting that says so; `etcd` the hosts of its members; `copies` whether
    etcd's snapshots are copied off the members' own disks.
    """

    cluster: str
    environment: str
    api_allowed: tuple[IPv4Network, ...]
    api_ports: tuple[int, ...]
    versions: tuple[tuple[str, str], ...]
    etcd: tuple[str, ...]
    copies: bool
    cloud: bool
    today: date

    @property
    def production(self) -> bool:
        """Whether what is lost here is missed."""
        return self.environment == PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that is not kept. Messages show no value that may be secret. `urn`: empty for the stack."""

    rule: str
    message: str
    urn: str
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    """A rule about single resources: yields a message for everything that is wrong with one."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Resource, Stack], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRule:
    """A rule about the stack's settings: yields a message for everything that is wrong."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Stack], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule:
    """A rule about resources together: yields (resource, message)."""

    name: str
    description: str
    mandatory: bool = True
    check: Callable[[Sequence[Resource], Stack], Iterator[tuple[Resource, str]]]


Rule = ResourceRule | SettingsRule | StackRule


def decided(value: object) -> bool:
    """Whether the value is there to be judged: not secret, and known before the update."""
    return value not in (SECRET, UNKNOWN)


def yes(value: object) -> bool:
    """Whether an input is true, or cannot be judged. Some of AWS's booleans are texts."""
    return value is True or value == "true" or (value is not None and not decided(value))


def items(value: object) -> list[Mapping[str, Any]]:
    """The mappings in a list that may be missing, secret or unknown."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping that may be missing, secret or unknown."""
    return value if isinstance(value, Mapping) else {}


def texts(value: object) -> list[str]:
    """The texts in a text or list that may be missing."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
