"""The DNS of the cluster: the number of servers, and how they answer names outside the cluster [H1]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

NODE_CACHE_ADDRESS = IPv4Address("169.254.20.10")
"""The address of the DNS cache on every node, as in NodeLocal DNSCache:
https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/.
"""
NODES_PER_REPLICA = 16
CORES_PER_REPLICA = 256
"""The steps of upstream's DNS autoscaler:
https://kubernetes.io/docs/tasks/administer-cluster/dns-horizontal-autoscaling/.
"""


class NodeCache(StrEnum):
    """The use of the DNS cache of a node. Pods keep the name servers that they started with."""

    NONE = "none"
    IDLE = "idle"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A DNS server for names outside the cluster."""

    address: IPv4Address
    port: int = 53

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Dns:
    """The options of the cluster's DNS.

    `upstreams` answer all other names; empty: the servers in /etc/resolv.conf of the node. `stub_domains` are
    domains with their own servers. `hosts` are addresses with their names. `rewrites` are pairs of a name and
    the name that answers in its place. `replicas` is 0 for a number that follows the size of the cluster.
    `node_cache` is the use of a cache on each node.
    """

    upstreams: tuple[Upstream, ...] = ()
    stub_domains: tuple[tuple[str, tuple[Upstream, ...]], ...] = ()
    hosts: tuple[tuple[IPv4Address, tuple[str, ...]], ...] = ()
    rewrites: tuple[tuple[str, str], ...] = ()
    replicas: int = 0
    node_cache: NodeCache = NodeCache.NONE


def replicas_for(nodes: int, cores: int) -> int:
    """Return the number of DNS servers for a cluster of this size. `cores` is 0 if it is not known.

    One node has one server, because a second server on the same node would fail together with the first.
    """
    if nodes <= 1:
        return 1
    return max(2, math.ceil(nodes / NODES_PER_REPLICA), math.ceil(cores / CORES_PER_REPLICA))
