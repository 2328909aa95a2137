"""Settings of the cluster's network and of the API's endpoint."""

from __future__ import annotations

from ipaddress import IPv4Network

from pydantic import Field

from settings.base import Section
from settings.types import Filled, Network, Port, PortRange, Subdomain
from topology.model import Backend, ProxyMode


class EndpointSettings(Section):
    """Where everyone reaches the API.

    `host` is an address or DNS name: the load balancers' virtual address or an external balancer.
    """

    host: Filled
    port: Port = 6443


class NetworkSettings(Section):
    """The network plan. `machines` are the networks the hosts' addresses come from.

    `mtu` is that of the machines' links in bytes; 0: found on each host.
    `api_allowed` are the networks that may reach the API, and administer hosts by SSH.
    """

    machines: tuple[Network, ...] = ()
    pods: Network = IPv4Network("10.244.0.0/16")
    node_prefix: int = Field(default=24, ge=8, le=30)
    services: Network = IPv4Network("10.96.0.0/20")
    node_ports: PortRange = (30000, 32767)
    backend: Backend = Backend.VXLAN
    proxy_mode: ProxyMode = ProxyMode.NFTABLES
    mtu: int = 0
    domain: Subdomain = "cluster.local"
    api_allowed: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"),)
