"""What a lab is: its name, its network and its hosts, read from and written to JSON."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab.errors import LabError
from lab.paths import NAME, NAME_LENGTH

MIRROR_PORT = 8080
REGISTRY_PORT = 5000
MINIMUM_MEMORY = 128 * 1024**2
"""Bytes. Less does not boot systemd and sshd reliably."""

Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=NAME_LENGTH)]


class _Plain(BaseModel):
    """Immutable, and strict about unknown keys: a misspelt field must not go unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cloud(StrEnum):
    """Clouds whose services the gateway can stand in for."""

    AWS = "aws"
    AZURE = "azure"


class Instance(_Plain):
    """A machine as a cloud makes it from an image: cloud-init runs `user_data` at its first boot.

    `id` is the cloud's name of the machine, another one for each machine; `hostname` what it is called
    at its start.
    """

    id: Annotated[str, Field(min_length=1)]
    hostname: Name
    user_data: str


class LabHost(_Plain):
    """One host. `memory` is the limit of its cgroup in bytes."""

    name: Name
    address: IPv4Address
    memory: int = Field(default=4 * 1024**3, ge=MINIMUM_MEMORY)
    instance: Instance | None = None
    """What a cloud would give it at its start; None: a rented machine."""


class LabSpec(_Plain):
    """A whole lab. `mirror` is a directory as `artifacts` makes it, or None for a lab without one.

    `cloud`: the gateway answers like that cloud, see `lab.cloud`. `names` are names that every host
    knows, with their addresses: what the private zone of a cloud would answer.
    """

    name: Name
    network: IPv4Network
    hosts: tuple[LabHost, ...] = ()
    mirror: Path | None = None
    cloud: Cloud | None = None
    names: dict[str, IPv4Address] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*_network_problems(self.network), *_host_problems(self)]
        if not self.hosts and self.cloud is None:
            problems.append("hosts: at least one is needed")
        if self.mirror is not None and not self.mirror.is_absolute():
            problems.append(f"mirror: {self.mirror} must be an absolute path")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def gateway(self) -> IPv4Address:
        """Address of the gateway, with mirror and registry: the first of the network."""
        return self.network[1]

    @property
    def machine(self) -> IPv4Address:
        """Address of the machine itself in the lab's network: the last before the broadcast."""
        return self.network[-2]

    @property
    def mirror_url(self) -> str:
        """Base URL of the mirror's files."""
        return f"https://{self.gateway}:{MIRROR_PORT}"

    @property
    def registry_url(self) -> str:
        """Base URL of the registry."""
        return f"https://{self.gateway}:{REGISTRY_PORT}"

    def host(self, name: str) -> LabHost:
        """The host of that name. Raises LabError with the names there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"{name}: lab {self.name} has no such host; it has: {known}")


def link_name(lab: str) -> str:
    """Name of the lab's one link on the machine: short enough for Linux (15), unlike any other lab's."""
    return "kw" + hashlib.sha256(lab.encode()).hexdigest()[:12]


def read(path: Path) -> LabSpec:
    """Read a spec from a JSON file. Raises LabError naming every wrong field."""
    try:
        return LabSpec.model_validate_json(path.read_text())
    except OSError as error:
        raise LabError(f"{path}: cannot be read ({error.strerror}); give the lab's JSON file") from error
    except ValidationError as error:
        raise LabError(f"{path}: " + "; ".join(_problem(item) for item in error.errors())) from error


def write(spec: LabSpec, path: Path) -> None:
    """Write a spec as JSON, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(spec.model_dump_json(indent=2) + "\n")
    fresh.replace(path)


def _problem(item: object) -> str:
    assert isinstance(item, dict)
    where = ".".join(str(part) for part in item["loc"])
    return f"{where}: {item['msg']}" if where else str(item["msg"]).removeprefix("Value error, ")


def _network_problems(network: IPv4Network) -> list[str]:
    if network.prefixlen > 29 or network.prefixlen < 16:
        return [f"network: {network} must be between /16 and /29"]
    if not network.is_private or network.is_link_local or network.is_loopback:
        return [f"network: {network} must be a private range (10/8, 172.16/12 or 192.168/16)"]
    return []


def _host_problems(spec: LabSpec) -> list[str]:
    problems = []
    taken = {
        spec.network[0]: "the network itself",
        spec.network[-1]: "its broadcast address",
        spec.gateway: "the gateway",
        spec.machine: "the machine",
    }
    names: set[str] = set()
    for index, host in enumerate(spec.hosts):
        field = f"hosts.{index} ({host.name})"
        if host.name in names:
            problems.append(f"{field}.name: given twice")
        if host.address not in spec.network:
            problems.append(f"{field}.address: {host.address} is not in {spec.network}")
        elif host.address in taken:
            problems.append(f"{field}.address: {host.address} is taken by {taken[host.address]}")
        names.add(host.name)
        taken[host.address] = host.name
    return problems
