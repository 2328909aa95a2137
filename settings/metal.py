"""Settings of bare metal: the inventory of hosts, and how they are reached by SSH [M]."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from formats import quantity
from settings.base import Section
from settings.types import Address, FilePath, Filled, Name, Port, Quantity
from topology.model import Size


class BastionSettings(Section):
    """A machine on the way to the hosts. Left out: user, port and key as for the hosts."""

    host: Filled
    port: Port = 22
    user: Filled | None = None
    private_key_file: FilePath | None = None
    host_key: Filled | None = None


class SshSettings(Section):
    """How hosts are reached. `agent`: keys come from the SSH agent instead of a file."""

    user: Filled = "root"
    port: Port = 22
    private_key_file: FilePath | None = None
    agent: bool = False
    known_hosts_file: FilePath | None = None
    bastion: BastionSettings | None = None


class HostSshSettings(Section):
    """What one host has otherwise. `address` is where SSH answers (an address or a name)."""

    address: Filled | None = None
    user: Filled | None = None
    port: Port | None = None
    private_key_file: FilePath | None = None
    host_key: Filled | None = None
    bastion: BastionSettings | None = None


class HostSettings(Section):
    """A host. `cpus`, `memory` and `disk` are what it has, where known; they are checked, not made."""

    address: Address
    cpus: int | None = Field(default=None, ge=1)
    memory: Quantity | None = None
    disk: Quantity | None = None
    ssh: HostSshSettings = HostSshSettings()

    @property
    def size(self) -> Size | None:
        """What the inventory says of the host's size; None where it says neither CPUs nor memory."""
        if self.cpus is None and self.memory is None:
            return None
        return Size(
            cpus=self.cpus or 0,
            memory=quantity.parse_bytes(self.memory) if self.memory else 0,
            disk=quantity.parse_bytes(self.disk) if self.disk else 0,
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """How one host is reached: its own settings, else those of all hosts.

    `host_key` is a public key (`ssh-ed25519 AAAA…`); empty: look it up in `known_hosts_file`
    by `settings.ssh.host_key`. `private_key_file` empty: by the agent.
    """

    address: str
    port: int
    user: str
    private_key_file: str
    agent: bool
    host_key: str
    known_hosts_file: str
    bastion: BastionSettings | None


class MetalSettings(Section):
    """The inventory."""

    ssh: SshSettings = SshSettings()
    hosts: dict[Name, HostSettings] = Field(default_factory=dict)

    @property
    def ssh_ports(self) -> tuple[int, ...]:
        """Every port on which a host's sshd listens, as far as it is reached directly."""
        hosts = self.hosts.values()
        ports = {host.ssh.port or self.ssh.port for host in hosts if host.ssh.address is None}
        return tuple(sorted(ports or {self.ssh.port}))

    def connection(self, name: str) -> Connection:
        """How the host of that name is reached. Raises KeyError for a name not in the inventory."""
        host, everyone = self.hosts[name], self.ssh
        own = host.ssh
        key_file = own.private_key_file or everyone.private_key_file or ""
        return Connection(
            address=own.address or str(host.address),
            port=own.port or everyone.port,
            user=own.user or everyone.user,
            private_key_file=key_file,
            agent=everyone.agent and not key_file,
            host_key=own.host_key or "",
            known_hosts_file=everyone.known_hosts_file or "",
            bastion=own.bastion or everyone.bastion,
        )
