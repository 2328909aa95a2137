"""The description of a lab: its name, network and hosts, stored as JSON."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lab.errors import LabError
from lab.paths import NAME, NAME_LENGTH

MIRROR_PORT = 8080
REGISTRY_PORT = 5000
MINIMUM_MEMORY = 128 * 1024**2
"""Bytes. With less memory systemd and sshd do not boot reliably."""

EMULATOR_MEMORY = 768 * 1024**2
"""Bytes that QEMU needs beside the memory of its virtual machine: translated code, and devices."""

Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=NAME_LENGTH)]


class _StrictModel(BaseModel):
    """An immutable model that rejects unknown keys, so that misspelled fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cloud(StrEnum):
    """The clouds whose services the gateway can emulate."""

    AWS = "aws"
    AZURE = "azure"


class Instance(_StrictModel):
    """The data of a cloud machine that the cloud gives to its image. cloud-init runs `user_data` at the first
    boot.

    `id` is the instance id, which is different for each machine. `hostname` is the host name at the first
    boot. `disk` is the number of the machine's system disk. With another number, the disk is empty.
    """

    id: Annotated[str, Field(min_length=1)]
    hostname: Name
    user_data: str
    disk: Annotated[int, Field(ge=1)] = 1


class LabHost(_StrictModel):
    """One host of a lab. `memory` is its memory in bytes.

    A host with `inner` is behind the NAT of the lab: it has the address `inner` with its network, and others
    reach it at `address`.
    """

    name: Name
    address: IPv4Address
    inner: IPv4Interface | None = None
    memory: int = Field(default=4 * 1024**3, ge=MINIMUM_MEMORY)
    instance: Instance | None = None
    """The data that the emulated cloud gives to the machine; None for bare metal."""
    virtual: bool = False
    """Whether the host is a virtual machine with Debian's kernel instead of a container."""

    @property
    def memory_limit(self) -> int:
        """Return the memory limit of the control group in bytes. A virtual machine has `memory` inside."""
        return self.memory + (EMULATOR_MEMORY if self.virtual else 0)


class LabSpec(_StrictModel):
    """The description of a lab. `mirror` is the path of a mirror of artifacts, or None for a lab without a
    mirror.

    If `cloud` is set, the gateway emulates this cloud (see `lab.cloud`), on AWS as the region `region`. Every
    host resolves the host names in `names` to their addresses, like the private DNS zone of a cloud.
    """

    name: Name
    network: IPv4Network
    hosts: tuple[LabHost, ...] = ()
    mirror: Path | None = None
    cloud: Cloud | None = None
    region: str = ""
    names: dict[str, IPv4Address] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        problems = [*_network_problems(self.network), *_host_problems(self), *_nat_problems(self)]
        if not self.hosts and self.cloud is None:
            problems.append("hosts: at least one is needed")
        if self.mirror is not None and not self.mirror.is_absolute():
            problems.append(f"mirror: {self.mirror} must be an absolute path")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def gateway(self) -> IPv4Address:
        """Return the address of the gateway, which is the first address of the network."""
        return self.network[1]

    @property
    def inner_network(self) -> IPv4Network | None:
        """Return the network behind the NAT of the lab; None without hosts behind it."""
        return next((host.inner.network for host in self.hosts if host.inner), None)

    @property
    def machine(self) -> IPv4Address:
        """Return the address of the machine in the lab's network: the last one before the broadcast
        address.
        """
        return self.network[-2]

    @property
    def mirror_url(self) -> str:
        """Return the base URL of the mirror's files."""
        return f"https://{self.gateway}:{MIRROR_PORT}"

    @property
    def registry_url(self) -> str:
        """Return the base URL of the registry."""
        return f"https://{self.gateway}:{REGISTRY_PORT}"

    def host(self, name: str) -> LabHost:
        """Return the host with this name. Raise LabError with the existing names for an unknown name."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"{name}: lab {self.name} has no such host; it has: {known}")


def link_name(lab: str) -> str:
    """Return the name of the lab's network link on the machine.

    The name is unique per lab and has at most 15 characters, the maximum of Linux.
    """
    return "kw" + hashlib.sha256(lab.encode()).hexdigest()[:12]


def read(path: Path) -> LabSpec:
    """Read a spec from a JSON file. Raise LabError with every wrong field."""
    try:
        return LabSpec.model_validate_json(path.read_text())
    except OSError as error:
        raise LabError(f"{path}: cannot be read ({error.strerror}); give the lab's JSON file") from error
    except ValidationError as error:
        raise LabError(f"{path}: " + "; ".join(_describe_problem(item) for item in error.errors())) from error


def write(spec: LabSpec, path: Path) -> None:
    """Write a spec to a JSON file atomically, so that readers never see a partial file."""
    fresh = path.with_suffix(".new")
    fresh.write_text(spec.model_dump_json(indent=2) + "\n")
    fresh.replace(path)


def _describe_problem(item: object) -> str:
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
        if host.virtual and host.instance is not None:
            problems.append(f"{field}.virtual: machines of an emulated cloud are containers")
        if host.name in names:
            problems.append(f"{field}.name: given twice")
        if host.address not in spec.network:
            problems.append(f"{field}.address: {host.address} is not in {spec.network}")
        elif host.address in taken:
            problems.append(f"{field}.address: {host.address} is taken by {taken[host.address]}")
        names.add(host.name)
        taken[host.address] = host.name
    return problems


def _nat_problems(spec: LabSpec) -> list[str]:
    """Return the problems of the network behind the NAT, whose first address is the gateway."""
    network = spec.inner_network
    if network is None:
        return []
    if network.overlaps(spec.network):
        return [f"hosts: the network behind the NAT, {network}, overlaps {spec.network}"]
    problems = []
    taken = {
        network[0]: "the network itself",
        network[1]: "the gateway",
        network[-1]: "the broadcast address",
    }
    for index, host in enumerate(spec.hosts):
        if host.inner is None:
            continue
        field = f"hosts.{index} ({host.name}).inner"
        if host.inner.network != network:
            problems.append(f"{field}: {host.inner} is not in {network}; a lab has one network behind a NAT")
        elif host.inner.ip in taken:
            problems.append(f"{field}: {host.inner.ip} is taken by {taken[host.inner.ip]}")
        taken[host.inner.ip] = host.name
    return problems
