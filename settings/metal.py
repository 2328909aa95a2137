"""Settings of clusters on bare metal: the inventory of hosts, and their SSH connections [M]."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from pydantic import Field

from formats import quantity
from settings.base import Section
from settings.types import Address, FilePath, Name, NonEmpty, Port, Quantity
from topology.model import Size


class BastionSettings(Section):
    """A bastion for SSH connections to hosts; defaults are the SSH settings of the hosts."""

    host: NonEmpty
    """Address or name of the bastion."""
    port: Port = 22
    """SSH port of the bastion."""
    user: NonEmpty | None = None
    """SSH user on the bastion; default: the user on the hosts."""
    private_key_file: FilePath | None = None
    """Private key for the bastion; default: the key for the hosts."""
    host_key: NonEmpty | None = None
    """Public host key of the bastion, such as `ssh-ed25519 AAAA…`; default: from `known_hosts_file`."""


class SshSettings(Section):
    """SSH connections to all hosts."""

    user: NonEmpty = "root"
    """SSH user; all users except root need sudo without a password."""
    port: Port = 22
    """SSH port; the firewall of hosts keeps this port open."""
    private_key_file: FilePath | None = None
    """Private key file; required without `agent`. The key becomes an input of every host. With another key,
    `up` delivers to every host again.
    """
    agent: bool = False
    """Take keys from the SSH agent of the deployer instead of a file; recommended."""
    known_hosts_file: FilePath | None = None
    """File with public host keys in known_hosts format; required for hosts without `ssh.host_key`."""
    bastion: BastionSettings | None = None
    """A bastion for all hosts."""


class HostSshSettings(Section):
    """The SSH connection to one host; defaults are the values of `metal.ssh`."""

    address: NonEmpty | None = None
    """Address or name for SSH connections; default: the host's `public_address`, or else its `address`."""
    user: NonEmpty | None = None
    """SSH user on the host."""
    port: Port | None = None
    """SSH port of the host."""
    private_key_file: FilePath | None = None
    """Private key file for the host."""
    host_key: NonEmpty | None = None
    """Public host key of the host, such as `ssh-ed25519 AAAA…`."""
    bastion: BastionSettings | None = None
    """A bastion for this host."""


class HostSettings(Section):
    """A host of the inventory.

    `cpus`, `memory` and `disk` are used for checks and warnings; they change nothing on bare metal.
    """

    address: Address
    """IPv4 address of the host in one of `network.machines`; other hosts connect to this address."""
    public_address: Address | None = None
    """IPv4 address of a host behind NAT, in another one of `network.machines`: nodes, pods, users and the
    deployer connect to this address, and the NAT translates it to `address`.
    """
    cpus: int | None = Field(default=None, ge=1)
    """Number of CPUs, if known."""
    memory: Quantity | None = None
    """Memory, such as `4Gi`, if known; also the memory limit of a lab's host."""
    disk: Quantity | None = None
    """Size of the disk, such as `40Gi`, if known."""
    ssh: HostSshSettings = HostSshSettings()
    """The SSH connection to this host."""

    @property
    def node_address(self) -> IPv4Address:
        """Return the address at which nodes, pods, users and the deployer reach the host."""
        return self.public_address or self.address

    @property
    def size(self) -> Size | None:
        """Return the host's size; None if neither CPUs nor memory are known."""
        if self.cpus is None and self.memory is None:
            return None
        return Size(
            cpus=self.cpus or 0,
            memory=quantity.parse_bytes(self.memory) if self.memory else 0,
            disk=quantity.parse_bytes(self.disk) if self.disk else 0,
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """The SSH connection to a host: the host's settings, with the settings of all hosts as defaults.

    `host_key` is a public key (`ssh-ed25519 AAAA…`); if it is empty, `settings.known_hosts` looks up the
    key in `known_hosts_file`. If `private_key_file` is empty, the SSH agent has the key.
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
    """A cluster on existing hosts."""

    ssh: SshSettings = SshSettings()
    """SSH connections to all hosts."""
    hosts: dict[Name, HostSettings] = Field(default_factory=dict)
    """The inventory: all hosts by name."""

    @property
    def ssh_ports(self) -> tuple[int, ...]:
        """Return the sorted ports on which the sshd of the hosts listens.

        Hosts with the setting `ssh.address` are omitted: SSH reaches them at another address, whose port may
        differ.
        """
        hosts = self.hosts.values()
        ports = {host.ssh.port or self.ssh.port for host in hosts if host.ssh.address is None}
        return tuple(sorted(ports or {self.ssh.port}))

    def connection(self, name: str) -> Connection:
        """Return the connection to a host. Raise KeyError for a name that is not in the inventory."""
        host, common = self.hosts[name], self.ssh
        own = host.ssh
        key_file = own.private_key_file or common.private_key_file or ""
        return Connection(
            address=own.address or str(host.node_address),
            port=own.port or common.port,
            user=own.user or common.user,
            private_key_file=key_file,
            agent=common.agent and not key_file,
            host_key=own.host_key or "",
            known_hosts_file=common.known_hosts_file or "",
            bastion=own.bastion or common.bastion,
        )
