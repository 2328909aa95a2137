"""Ports that the settings open in addition to the port table (`topology.ports`) [G3]."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from topology.model import Role
from topology.ports import Protocol


@dataclass(frozen=True, slots=True)
class OpenPort:
    """Machines with one of the roles accept connections from the networks to the ports, first to last.

    With `pools`, only machines of these pools do. `name` is the key in `network.ports`. With `of_add_on`, it
    is the name of the port of an add-on, which a pod of the add-on has as a host port.
    """

    name: str
    networks: tuple[IPv4Network, ...]
    roles: tuple[Role, ...]
    protocol: Protocol
    ports: tuple[int, int]
    purpose: str
    pools: tuple[str, ...] = ()
    of_add_on: bool = False

    @property
    def setting(self) -> str:
        """The path of the setting that opens the port."""
        return self.name if self.of_add_on else f"network.ports.{self.name}"
