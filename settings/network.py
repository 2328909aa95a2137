"""Settings of the cluster's network and of the API endpoint."""

from __future__ import annotations

from ipaddress import IPv4Network

from pydantic import Field

from settings.base import Section
from settings.types import Network, NonEmpty, Port, PortRange, Subdomain
from topology.model import Backend, ProxyMode


class EndpointSettings(Section):
    """The address of the API for users and nodes."""

    host: NonEmpty
    """Address or DNS name: the virtual address of the load balancers, or of an external load balancer."""
    port: Port = 6443
    """TCP port."""


class NetworkSettings(Section):
    """The network plan."""

    machines: tuple[Network, ...] = ()
    """Networks of the hosts' addresses; required on bare metal, not allowed in a cloud."""
    pods: Network = IPv4Network("10.244.0.0/16")
    """Range of pods' addresses, split into one range for each node."""
    node_prefix: int = Field(default=24, ge=8, le=30)
    """Prefix length of a node's part of `pods`; 24 has room for 254 pods, more than the tested 110."""
    services: Network = IPv4Network("10.96.0.0/20")
    """Range of services' addresses, a /12 to a /26."""
    node_ports: PortRange = (30000, 32767)
    """Ports of services of type NodePort, as `FIRST-LAST`."""
    backend: Backend = Backend.VXLAN
    """flannel's backend; `host-gw` is faster, but needs all nodes in one layer 2 network."""
    proxy_mode: ProxyMode = ProxyMode.NFTABLES
    """kube-proxy's mode; `iptables` is for hosts whose kernel is too old for `nftables`."""
    mtu: int = 0
    """MTU of the hosts' links in bytes; 0: detected on each host."""
    domain: Subdomain = "cluster.local"
    """DNS domain of services; most charts expect the default."""
    api_allowed: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"),)
    """Networks that may reach the API and SSH of hosts; restrict it unless all networks can be trusted."""
