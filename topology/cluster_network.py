"""The network plan of a cluster, which is a part of the data model."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from topology.cilium import Cilium
from topology.options import Backend, NetworkPlugin, PolicyMode, ProxyMode

if TYPE_CHECKING:
    from topology.open_ports import OpenPort


@dataclass(frozen=True, slots=True)
class Network:
    """The network plan. `mtu` is the MTU of the machines' links in bytes; 0: each host detects the MTU."""

    machines: tuple[IPv4Network, ...]
    pods: IPv4Network
    node_prefix: int
    services: IPv4Network
    node_ports: tuple[int, int]
    api_allowed: tuple[IPv4Network, ...]
    ssh_allowed: tuple[IPv4Network, ...]
    backend: Backend
    proxy_mode: ProxyMode
    mtu: int
    domain: str
    ssh_ports: tuple[int, ...] = (22,)
    """The ports of sshd on the machines, which the firewall opens for the deployer. Empty: no SSH."""
    probe_sources: tuple[IPv4Network, ...] = ()
    """Networks of the cloud's health probes, in addition to the networks of the machines."""
    node_domains: tuple[str, ...] = ()
    """DNS domains of machine names in a cloud. Serving certificates of kubelets contain these names."""
    open_ports: tuple[OpenPort, ...] = ()
    policies: PolicyMode = PolicyMode.ENFORCED
    """Whether nodes enforce network policies. It has no meaning with other CNIs than flannel."""
    cni: NetworkPlugin = NetworkPlugin.FLANNEL
    cilium: Cilium | None = None
    """The configuration of Cilium; None with another CNI."""

    @property
    def has_kube_proxy(self) -> bool:
        """Whether kube-proxy serves services. Cilium can replace it."""
        return self.cilium is None or not self.cilium.replaces_kube_proxy

    @property
    def enforces_policies(self) -> bool:
        """Whether kube-router enforces network policies."""
        return self.cni is NetworkPlugin.FLANNEL and self.policies is PolicyMode.ENFORCED

    @property
    def api_service(self) -> IPv4Address:
        """The address of the service `kubernetes.default`: the first address of the service range."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """The address of the cluster DNS: by convention, the tenth address of the service range."""
        return self.services[10]
