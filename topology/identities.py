"""Identities of nodes: the owners of bootstrap tokens, and what no node may be called [B4].

The approver of certificates (`nodeconfig/csr_approver.py`) enforces them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from topology.model import Pool, Role, Topology

TOKEN_FILE = "bootstrap.token"
"""The name in bundles of the token of the host that receives the bundle."""
PAYLOAD_SALT = "payload.salt"
"""The name among the secrets of a cluster of the text that makes the digest of a payload unpredictable."""
INVENTORY = "kubewright-inventory"
"""The ConfigMap in `kube-system` with `inventory`."""
INVENTORY_KEY = "inventory.json"


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The owner of a bootstrap token: a node with a known name (`kind` is `node`), or a machine of a cloud
    pool, which creates its own token (`machine`).
    """

    kind: str
    name: str

    @property
    def secret(self) -> str:
        """The name of the token among the secrets of a cluster."""
        return f"bootstrap-{self.kind}-{self.name}.token"

    @property
    def group(self) -> str:
        """The group of users that authenticate with the token.

        Groups of tokens contain no dots, so colons replace the dots of a name.
        """
        return f"system:bootstrappers:kubewright:{self.kind}:{self.name.replace('.', ':')}"


def node_owner(name: str) -> TokenOwner:
    """Return the owner of the token of a node with a known name."""
    return TokenOwner("node", name)


def machine_owner(name: str) -> TokenOwner:
    """Return the owner of the token of a single machine in a cloud pool, by the name of its node."""
    return TokenOwner("machine", name)


def token_owners(topology: Topology) -> tuple[TokenOwner, ...]:
    """Return the owners of the bootstrap tokens that the deployer creates: the nodes with known names."""
    return tuple(node_owner(node.name) for pool in topology.pools for node in pool.nodes)


def inventory(topology: Topology, machine_names: Callable[[Pool], str]) -> str:
    """Return the known nodes with their addresses, and the names of machines in pools, as JSON.

    `machine_names` returns the regular expression for the names of the machines of a pool.
    """
    nodes = {
        node.name: list(dict.fromkeys([str(node.address), str(node.node_address)]))
        for pool in topology.pools
        for node in pool.nodes
    }
    pools = {pool.name: machine_names(pool) for pool in topology.pools if pool.capacity}
    return json.dumps({"nodes": nodes, "pools": pools}, indent=1) + "\n"


def reserved_names(topology: Topology) -> tuple[str, ...]:
    """Return names that no node may have: those of the API, of services, of load balancers and of etcd hosts.

    A name that begins with a dot stands for all names below it.
    """
    names = {"localhost", "kubernetes", "kubernetes.default", ".svc", f".svc.{topology.network.domain}"}
    names |= {host for host in (topology.endpoint.host, *topology.api_names) if not _is_address(host)}
    names |= {machine.name for machine in topology.machines if Role.NODE not in machine.roles}
    return tuple(sorted(names - {node.name for pool in topology.pools for node in pool.nodes}))


def reserved_addresses(topology: Topology) -> tuple[str, ...]:
    """Return addresses and networks that the machines of pools cannot have.

    The addresses of known nodes are in `inventory`.
    """
    return tuple(str(item) for item in sorted(set(_reserved_networks(topology))))


def _reserved_networks(topology: Topology) -> Iterator[IPv4Network]:
    yield from (IPv4Network("127.0.0.0/8"), topology.network.services, topology.network.pods)
    for host in (topology.endpoint.host, *topology.api_names):
        if _is_address(host):
            yield IPv4Network(host)
    for machine in topology.machines:
        if Role.NODE not in machine.roles:
            yield IPv4Network(machine.address)
            yield IPv4Network(machine.member.node_address)


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
