"""The plain data that describes one cluster: what every other part of Kubewright reads.

Nothing here knows a cloud, a Kubernetes flag or Pulumi. A `Topology` is made once, by
`assembly.builder.build_topology`, from validated settings; it is immutable and comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network


class Role(StrEnum):
    """What a host does. A host may have several; their order here is the order of delivery."""

    LOAD_BALANCER = "load-balancer"
    ETCD = "etcd"
    CONTROL_PLANE = "control-plane"
    NODE = "node"


class Backend(StrEnum):
    """How flannel carries packets between nodes."""

    VXLAN = "vxlan"
    HOST_GW = "host-gw"


class ProxyMode(StrEnum):
    """How kube-proxy programs services."""

    NFTABLES = "nftables"
    IPTABLES = "iptables"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    value: str
    effect: TaintEffect


@dataclass(frozen=True, slots=True)
class Member:
    """A machine with a stable name and address: an etcd member, a control plane, a load balancer."""

    name: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class Size:
    """What a machine has, or must have at least. CPUs; memory and disk in bytes (0: not known)."""

    cpus: int
    memory: int
    disk: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the cluster with everything it does.

    `size` is what the inventory says the machine has; None where it says nothing. `zone` is the number of
    its failure domain, from 0 on (bare metal has one).
    """

    name: str
    address: IPv4Address
    roles: tuple[Role, ...]
    pool: str
    size: Size | None = None
    zone: int = 0


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Settings of the kubelets of a pool. Quantities are Kubernetes quantities, as text."""

    max_pods: int
    system_reserved: tuple[tuple[str, str], ...]
    kube_reserved: tuple[tuple[str, str], ...]
    eviction_hard: tuple[tuple[str, str], ...]
    eviction_minimum_reclaim: tuple[tuple[str, str], ...]
    container_log_max_size: str
    container_log_max_files: int
    pod_pids_limit: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a cloud makes of a pool: `min_size` to `max_size` nodes of one of these machine types.

    `spot`: machines that the cloud may take back. `disk` in bytes.
    """

    min_size: int
    max_size: int
    types: tuple[str, ...]
    spot: bool
    disk: int


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that are alike. The control planes' nodes are a pool of their own, `control-plane`.

    `nodes` are the names of its machines where they are known (bare metal, control planes);
    in a cloud a pool of workers has none here and nodes name themselves.
    `labels` may hold any label an administrator may set, `node-role.kubernetes.io/…` included.
    """

    name: str
    nodes: tuple[Member, ...]
    labels: tuple[tuple[str, str], ...]
    taints: tuple[Taint, ...]
    max_unavailable: int
    kubelet: Kubelet
    kubernetes: str = ""
    """Version of its kubelets and proxies, where these stay behind the API servers; empty: the same."""
    capacity: Capacity | None = None
    """Where a cloud makes the nodes: such a pool has no `nodes` here."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network plan. `mtu` is that of the machines' links in bytes (0: found on the host)."""

    machines: tuple[IPv4Network, ...]
    pods: IPv4Network
    node_prefix: int
    services: IPv4Network
    node_ports: tuple[int, int]
    api_allowed: tuple[IPv4Network, ...]
    backend: Backend
    proxy_mode: ProxyMode
    mtu: int
    domain: str
    ssh_ports: tuple[int, ...] = (22,)
    """Where the machines' sshd listen: the firewall must not lock the deployer out. Empty: no SSH."""
    probes: tuple[IPv4Network, ...] = ()
    """Where a cloud's health probes come from, beside the machines' networks."""
    node_domains: tuple[str, ...] = ()
    """Domains in which a cloud names machines: their serving certificates have these names, too."""

    @property
    def api_service(self) -> IPv4Address:
        """Address of the service `kubernetes.default`: the first of the service range."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """Address of the cluster's DNS: the tenth of the service range, as is the custom."""
        return self.services[10]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address at which clients reach the API. `host` is an address or a DNS name."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The endpoint as a URL."""
        return f"https://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Versions:
    """Upstream's versions, without a leading `v`."""

    kubernetes: str
    etcd: str
    containerd: str
    runc: str
    cni_plugins: str
    flannel: str
    coredns: str
    metrics_server: str


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """Leases of controller manager and scheduler. Seconds."""

    lease: int = 15
    renew: int = 10
    retry: int = 2


@dataclass(frozen=True, slots=True)
class ControlPlaneOptions:
    """What can be chosen of the API server and its companions."""

    admission_plugins: tuple[str, ...]
    audit_max_age_days: int
    audit_max_backups: int
    audit_max_size_mb: int
    event_ttl: str
    max_requests_inflight: int
    max_mutating_requests_inflight: int
    pod_security_default: str
    leader_election: LeaderElection


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots that every etcd member takes: how often in seconds, how many are kept, where copies go.

    `copy_to` is a directory on the hosts, empty without.
    """

    every: int = 6 * 3600
    keep: int = 12
    copy_to: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """A mirror of an image registry. `name` is the registry in image names, or `_default`.

    `ca` is the PEM of a private authority (empty: the system's). `credentials` names a secret of
    the delivery (`registry-<name>`), empty without.
    """

    name: str
    endpoint: str
    ca: str
    credentials: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """Generations of an authority or key pair: the one that signs, and those that are trusted."""

    signing: int = 1
    trusted: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Which generation every certificate is of. `rotations` by authority (`kubernetes`, `etcd`,
    `front-proxy`) and for the key pair `service-account`; those left out are of the first.
    """

    leaves: int = 1
    rotations: tuple[tuple[str, Rotation], ...] = ()

    def rotation(self, name: str) -> Rotation:
        """The generations of an authority or key pair."""
        return dict(self.rotations).get(name, Rotation())


@dataclass(frozen=True, slots=True)
class Topology:
    """One cluster, whole."""

    name: str
    environment: str
    versions: Versions
    endpoint: Endpoint
    machines: tuple[Machine, ...]
    etcd: tuple[Member, ...]
    control_planes: tuple[Member, ...]
    load_balancers: tuple[Member, ...]
    pools: tuple[Pool, ...]
    network: Network
    control_plane: ControlPlaneOptions
    registries: tuple[Registry, ...]
    pause_image: str
    api_names: tuple[str, ...]
    """Further names and addresses in the API servers' certificates."""
    drain_seconds: int = 300
    """How long a node may take to be drained before it changes or leaves."""
    certificates: Certificates = Certificates()
    snapshots: Snapshots = Snapshots()
    external_cloud: bool = False
    """A cloud's own controller manager looks after the nodes: addresses, zones, balancers."""

    @property
    def releases(self) -> tuple[Versions, ...]:
        """The sets of versions in use: the cluster's first, then those of pools that stay behind."""
        behind = sorted({pool.kubernetes for pool in self.pools} - {"", self.versions.kubernetes})
        return (self.versions, *(replace(self.versions, kubernetes=version) for version in behind))
