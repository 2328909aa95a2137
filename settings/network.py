"""Settings of the cluster's network and of the API endpoint."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from settings.base import Section
from settings.cilium import CiliumSettings
from settings.types import Name, Network, NonEmpty, Port, PortNumbers, PortRange, Subdomain
from topology.model import Role
from topology.options import Backend, NetworkPlugin, PolicyMode, ProxyMode
from topology.ports import API_PORT


class EndpointSettings(Section):
    """The address of the API, for users and nodes."""

    host: NonEmpty
    """Address or DNS name: the virtual address of the load balancers, or the address of an external load
    balancer.
    """
    port: Port = API_PORT
    """TCP port of the API."""


class PortSettings(Section):
    """Ports of machines that the packet filter and the security groups open."""

    port: PortNumbers
    """A port such as 9100, or a range as `FIRST-LAST`."""
    protocol: Literal["tcp", "udp"] = "tcp"
    """`tcp` or `udp`."""
    sources: tuple[Network, ...] = Field(min_length=1)
    """Networks that may connect; `network.pods` for pods."""
    roles: tuple[Role, ...] = Field(default=(Role.NODE,), min_length=1)
    """Roles of the machines: `node`, `control-plane`, `etcd`, `load-balancer`. Every machine with one of
    these roles opens the port.
    """
    pools: tuple[Name, ...] = ()
    """Pools whose nodes open the port, instead of `roles`."""
    because: NonEmpty
    """The reason, which rules and tables show."""


class NetworkSettings(Section):
    """The address ranges and the network options of the cluster."""

    machines: tuple[Network, ...] = ()
    """Networks that contain the hosts' addresses; required on bare metal, not allowed in a cloud."""
    pods: Network = IPv4Network("10.244.0.0/16")
    """Address range of pods; each node gets a part of it."""
    node_prefix: int = Field(default=24, ge=8, le=30)
    """Prefix length of a node's part of `pods`; a /24 has 254 addresses, more than the tested 110 pods."""
    services: Network = IPv4Network("10.96.0.0/20")
    """Address range of services, a /12 to a /26."""
    node_ports: PortRange = (30000, 32767)
    """Port range of services of type NodePort, as `FIRST-LAST`."""
    cni: NetworkPlugin = NetworkPlugin.FLANNEL
    """Software that connects pods; `none`: nodes are not Ready until you install your own CNI."""
    cilium: CiliumSettings | None = None
    """Options of Cilium; allowed only with `cni: cilium`."""
    backend: Backend = Backend.VXLAN
    """Backend of flannel; `host-gw` is faster, but requires all nodes in the same layer 2 network."""
    proxy_mode: ProxyMode = ProxyMode.NFTABLES
    """Mode of kube-proxy; `iptables` is for hosts with a kernel that is too old for `nftables`."""
    policies: PolicyMode = PolicyMode.ENFORCED
    """Whether nodes enforce NetworkPolicy objects, by kube-router; `none`: these objects have no effect. Only
    with flannel; Cilium always enforces them.
    """
    mtu: int = 0
    """MTU of the hosts' links in bytes; 0: detected on each host."""
    domain: Subdomain = "cluster.local"
    """DNS domain of services; most charts expect the default."""
    api_allowed: tuple[Network, ...] | None = None
    """Networks that may reach the API, for users and the deployer; required, except in the environments
    `poc` and `lab`, where the default is all networks.
    """
    ssh_allowed: tuple[Network, ...] | None = None
    """Networks that may connect to SSH on hosts, for the deployer; default: `api_allowed`."""

    ports: dict[Name, PortSettings] = Field(default_factory=dict, max_length=100)
    """Further ports that machines open, by name, in addition to the table of `kubewright plan ports`."""

    @property
    def cilium_options(self) -> CiliumSettings | None:
        """The options of Cilium, with defaults; None for a cluster with another CNI."""
        return (self.cilium or CiliumSettings()) if self.cni is NetworkPlugin.CILIUM else None

    @property
    def api_networks(self) -> tuple[Network, ...]:
        """The networks that may reach the API, with the default."""
        return (IPv4Network("0.0.0.0/0"),) if self.api_allowed is None else self.api_allowed

    @property
    def ssh_networks(self) -> tuple[Network, ...]:
        """The networks that may connect to SSH on hosts, with the default."""
        return self.api_networks if self.ssh_allowed is None else self.ssh_allowed
