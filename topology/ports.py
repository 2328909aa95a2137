"""The port table [A5]: the source of nftables rules, security groups and the printed table.

The sources of workers are the networks of machines instead of single hosts, so that an additional worker does
not change the rules of other hosts. Hosts refuse all other new connections and accept replies to connections
that they open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from topology.cilium import METRICS_PORT as CILIUM_METRICS_PORT
from topology.cilium import RoutingMode
from topology.model import Role


class Source(StrEnum):
    """The source of a connection."""

    ANYONE = "anyone"
    ANYONE_ALLOWED_TO_THE_API = "anyone-allowed-to-the-api"
    ADMINISTRATORS = "administrators"
    MACHINES = "machines"
    ETCD = "etcd"
    CONTROL_PLANE = "control-plane"
    LOAD_BALANCER = "load-balancer"
    PODS = "pods"
    PROBES = "probes"
    MONITORING = "monitoring"


class Protocol(StrEnum):
    """The protocol of a connection. ICMP and VRRP have no ports."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    VRRP = "vrrp"


NODE_PORT_RANGE = (-1, -1)
"""Placeholder in the table for the node port range, which `rules_for` replaces."""
ENDPOINT_PORT = (-2, -2)
"""Placeholder in the table for the port of the endpoint."""
SSH_PORTS = (-3, -3)
"""Placeholder in the table for the ports of sshd on the machines."""
FILE_STORAGE_PORT = (-4, -4)
"""Placeholder in the table for the port of the file storage of the cloud."""
NO_PORTS = (0, 0)

SSH_PORT = 22
DNS_PORT = 53
ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
API_PORT = 6443
"""Port of every API server; the endpoint may have another port."""
LOAD_BALANCER_HEALTH_PORT = 6444
"""Port of the health check of a load balancer, on loopback."""
CSR_APPROVER_METRICS_PORT = 8181
CSR_APPROVER_HEALTH_PORT = 8182
MEMBERLIST_PORT = 7946
"""Port by which MetalLB's speakers find nodes that failed."""
CILIUM_HEALTH_PORT = 4240
"""Port by which Cilium's agents check the connections between nodes."""
HUBBLE_PORT = 4244
"""Port of Hubble on every node, which no row of the table opens."""
CILIUM_LOCAL_PORTS = (9234, 9879, 9890, 9891, CILIUM_METRICS_PORT)
"""Ports on loopback of Cilium's agent and operator: API, health, the process information of both, and the
metrics of the agent.
"""
VXLAN_PORT = 8472
DNS_CACHE_METRICS_PORTS = (9253, 9255)
DNS_CACHE_HEALTH_PORTS = (9254, 9256)
"""Ports on loopback of the two processes of a node's DNS cache."""
CLOUD_WEBHOOK_PORT = 9443
KUBELET_HEALTH_PORT = 10248
PROXY_METRICS_PORT = 10249
KUBELET_PORT = 10250
PROXY_HEALTH_PORT = 10256
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
HOST_METRICS_PORT = 10291
"""Port of the metrics gateway of every host."""
NODE_EXPORTER_PORT = 10292
"""Port on loopback of node exporter."""
CLOUD_NODE_HEALTH_PORT = 10290
"""Port on loopback where a node answers the health check of its cloud."""
SPEAKER_HEALTH_PORT = 17472
"""Port on loopback of MetalLB's speakers."""
NETWORK_POLICY_METRICS_PORT = 20244
"""Port on loopback with the metrics of kube-router, which show its health too."""

_EVERY_ROLE = tuple(Role)


@dataclass(frozen=True, slots=True)
class PortRow:
    """A row of the port table: hosts with one of the roles accept connections to ports from the sources."""

    sources: tuple[Source, ...]
    roles: tuple[Role, ...]
    protocol: Protocol
    ports: tuple[int, int]
    purpose: str
    with_flannel: bool = False
    """The row is needed only with flannel, with each of its backends: while nodes change from `vxlan` to
    `host-gw` one after another, changed nodes still get VXLAN packets of the others.
    """
    with_load_balancers: bool | None = None
    """The row is needed only with (True) or without (False) `load_balancers`; None: in both cases."""
    with_cloud_controllers: bool = False
    """The row is needed only if controllers of a cloud use the host network of control planes."""
    with_node_cache: bool = False
    """The row is needed only if nodes have a DNS cache."""
    with_metallb: bool = False
    """The row is needed only if the cluster has MetalLB."""
    with_cilium: tuple[RoutingMode, ...] = ()
    """The row is needed only with Cilium in one of these routing modes; empty: with every CNI."""
    with_monitoring: bool = False
    """The row is needed only if the cluster has Prometheus."""
    with_file_storage: bool = False
    """The row is needed only with the file storage of a cloud. Such a row has no roles, because the ports are
    not on hosts: the cloud opens them to the sources, and nodes refuse connections of pods to them.
    """


# New rows are at the end, because in a cloud the number of a row is the priority of its rules.
PORT_TABLE: tuple[PortRow, ...] = (
    PortRow((Source.ADMINISTRATORS,), _EVERY_ROLE, Protocol.TCP, SSH_PORTS, "SSH: deployment"),
    PortRow((Source.ANYONE,), _EVERY_ROLE, Protocol.ICMP, NO_PORTS, "path MTU, reachability"),
    PortRow(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS, Source.PROBES),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        with_load_balancers=False,
    ),
    PortRow(
        # The load balancers restrict the access to the API; pods use the service `kubernetes`.
        (Source.LOAD_BALANCER, Source.MACHINES, Source.PODS),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        with_load_balancers=True,
    ),
    PortRow(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS),
        (Role.LOAD_BALANCER,),
        Protocol.TCP,
        ENDPOINT_PORT,
        "Kubernetes API, balanced",
    ),
    PortRow(
        (Source.LOAD_BALANCER,),
        (Role.LOAD_BALANCER,),
        Protocol.VRRP,
        NO_PORTS,
        "keepalived: the virtual address",
    ),
    PortRow(
        # API servers of all control planes call the webhook of the load balancer controller of a cloud.
        (Source.CONTROL_PLANE,),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (CLOUD_WEBHOOK_PORT, CLOUD_WEBHOOK_PORT),
        "webhooks of cloud controllers",
        with_cloud_controllers=True,
    ),
    PortRow(
        (Source.CONTROL_PLANE, Source.ETCD),
        (Role.ETCD,),
        Protocol.TCP,
        (ETCD_CLIENT_PORT, ETCD_CLIENT_PORT),
        "etcd clients",
    ),
    PortRow((Source.ETCD,), (Role.ETCD,), Protocol.TCP, (ETCD_PEER_PORT, ETCD_PEER_PORT), "etcd peers"),
    PortRow(
        (Source.CONTROL_PLANE, Source.MACHINES, Source.PODS),
        (Role.NODE,),
        Protocol.TCP,
        (KUBELET_PORT, KUBELET_PORT),
        "kubelet: logs, exec, metrics",
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.TCP,
        (PROXY_HEALTH_PORT, PROXY_HEALTH_PORT),
        "kube-proxy: health of balanced services",
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.UDP,
        (VXLAN_PORT, VXLAN_PORT),
        "flannel vxlan",
        with_flannel=True,
    ),
    PortRow((Source.ANYONE,), (Role.NODE,), Protocol.TCP, NODE_PORT_RANGE, "services of type NodePort"),
    PortRow((Source.ANYONE,), (Role.NODE,), Protocol.UDP, NODE_PORT_RANGE, "services of type NodePort"),
    PortRow(
        (Source.PODS,), (Role.NODE,), Protocol.UDP, (DNS_PORT, DNS_PORT), "DNS cache", with_node_cache=True
    ),
    PortRow(
        (Source.PODS,), (Role.NODE,), Protocol.TCP, (DNS_PORT, DNS_PORT), "DNS cache", with_node_cache=True
    ),
    *(
        PortRow(
            (Source.MACHINES,),
            (Role.NODE,),
            protocol,
            (MEMBERLIST_PORT, MEMBERLIST_PORT),
            "MetalLB: failures of nodes",
            with_metallb=True,
        )
        for protocol in (Protocol.TCP, Protocol.UDP)
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.UDP,
        (VXLAN_PORT, VXLAN_PORT),
        "Cilium vxlan",
        with_cilium=(RoutingMode.TUNNEL,),
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.TCP,
        (CILIUM_HEALTH_PORT, CILIUM_HEALTH_PORT),
        "Cilium: connections between nodes",
        with_cilium=tuple(RoutingMode),
    ),
    PortRow(
        # A node replaces the address of a pod by its own, except in connections to itself.
        (Source.MONITORING, Source.PODS),
        _EVERY_ROLE,
        Protocol.TCP,
        (HOST_METRICS_PORT, HOST_METRICS_PORT),
        "metrics, for Prometheus",
        with_monitoring=True,
    ),
    PortRow(
        (Source.MACHINES,),
        (),
        Protocol.TCP,
        FILE_STORAGE_PORT,
        "file storage of the cloud",
        with_file_storage=True,
    ),
)

CLUSTER_PORTS = {
    SSH_PORT: "sshd",
    ETCD_CLIENT_PORT: "etcd clients",
    ETCD_PEER_PORT: "etcd peers",
    ETCD_METRICS_PORT: "etcd metrics",
    API_PORT: "kube-apiserver",
    LOAD_BALANCER_HEALTH_PORT: "haproxy health",
    CSR_APPROVER_METRICS_PORT: "kubelet-csr-approver metrics",
    CSR_APPROVER_HEALTH_PORT: "kubelet-csr-approver health",
    MEMBERLIST_PORT: "MetalLB's speakers",
    CILIUM_HEALTH_PORT: "Cilium's connections between nodes",
    HUBBLE_PORT: "Hubble",
    VXLAN_PORT: "flannel vxlan",
    **dict.fromkeys(CILIUM_LOCAL_PORTS, "Cilium on loopback"),
    **dict.fromkeys(DNS_CACHE_METRICS_PORTS, "metrics of the DNS cache"),
    **dict.fromkeys(DNS_CACHE_HEALTH_PORTS, "health of the DNS cache"),
    CLOUD_WEBHOOK_PORT: "webhooks of cloud controllers",
    KUBELET_HEALTH_PORT: "kubelet health",
    PROXY_METRICS_PORT: "kube-proxy metrics",
    KUBELET_PORT: "kubelet",
    PROXY_HEALTH_PORT: "kube-proxy health",
    CONTROLLER_MANAGER_PORT: "kube-controller-manager",
    SCHEDULER_PORT: "kube-scheduler",
    CLOUD_NODE_HEALTH_PORT: "health of a node for its cloud",
    HOST_METRICS_PORT: "metrics gateway of a host",
    NODE_EXPORTER_PORT: "node exporter",
    SPEAKER_HEALTH_PORT: "health of MetalLB's speakers",
    NETWORK_POLICY_METRICS_PORT: "kube-router metrics",
}
"""All ports of cluster components, including ports on loopback. Services must not get these ports."""
