"""Ports that the settings open in addition to the port table (`topology.ports`) [G3]."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from topology.model import Role
from topology.ports import Protocol


@dataclass(frozen=True, slots=True)
class OpenPort:
    """Machines with one of the roles accept connections from the networks to the ports, first to last.

    With `pool`, only machines of this pool do. `name` is the key in `network.ports`, or the name of the port
    of an add-on.
    """

    name: str
    networks: tuple[IPv4Network, ...]
    roles: tuple[Role, ...]
    protocol: Protocol
    ports: tuple[int, int]
    purpose: str
    pool: str = ""

    @property
    def setting(self) -> str:
        """The path of the setting that opens the port."""
        return self.name if self.pool else f"network.ports.{self.name}"
