"""The data model of a cluster, which all other packages read. It knows no clouds, no flags and no Pulumi.

`assembly.builder.build_topology` creates an immutable, comparable `Topology` from validated settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address

from topology.cert_manager import CertManager
from topology.cluster_network import Network
from topology.dashboard import Dashboard
from topology.distribution import Distribution
from topology.dns import Dns
from topology.external_dns import ExternalDns
from topology.gpus import Gpu
from topology.ingress import Ingress
from topology.keda import Keda
from topology.logs import Logs
from topology.metallb import MetalLb
from topology.monitoring import Monitoring
from topology.options import (
    NO_EXTRA_FLAGS,
    ControlPlaneOptions,
    Defragmentation,
    Encryption,
    ExtraFlags,
    Kubelet,
    Snapshots,
)
from topology.rotations import Certificates
from topology.storage import Disk, Storage
from topology.taints import Taint
from topology.velero import Velero


class Role(StrEnum):
    """A role of a machine. A machine with several roles gets their deliveries in the order of this list."""

    LOAD_BALANCER = "load-balancer"
    ETCD = "etcd"
    CONTROL_PLANE = "control-plane"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Member:
    """A machine with a stable name and address: an etcd member, a control plane, a load balancer.

    `public_address` is the address of a host behind NAT for other networks; None for all other machines.
    """

    name: str
    address: IPv4Address
    public_address: IPv4Address | None = None

    @property
    def node_address(self) -> IPv4Address:
        """The address of the Node, at which all other nodes and all pods reach the machine."""
        return self.public_address or self.address


@dataclass(frozen=True, slots=True)
class Size:
    """The resources of a machine, or their minimum. Memory and disk are in bytes; 0 means unknown."""

    cpus: int
    memory: int
    disk: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """A host or cloud member of the cluster and its roles.

    `size` has the resources from the inventory; None if the inventory does not contain them. `zone` is the
    number of the failure domain, starting at 0. Bare metal has one failure domain. `public_address` is as in
    `Member`. `architecture` is `amd64` or `arm64`; empty on bare metal: the architecture of the mirror.
    """

    name: str
    address: IPv4Address
    roles: tuple[Role, ...]
    pool: str
    size: Size | None = None
    zone: int = 0
    public_address: IPv4Address | None = None
    architecture: str = ""

    @property
    def member(self) -> Member:
        """The name and the addresses of the machine."""
        return Member(self.name, self.address, self.public_address)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The machines of a pool in a cloud: `min_size` to `max_size` nodes of one of the machine types.

    `spot` selects spot machines, which the cloud can terminate at any time. `disk` is in bytes. All machine
    types have the same `architecture`, `amd64` or `arm64`.
    """

    min_size: int
    max_size: int
    types: tuple[str, ...]
    spot: bool
    disk: int
    architecture: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A group of nodes with the same settings. The control planes are in the pool `control-plane`.

    `nodes` are the machines of a pool on bare metal and of the control planes. Pools of workers in a cloud
    have no `nodes`, because the cloud chooses the names of their machines. `labels` can contain all labels
    that an administrator can set, including `node-role.kubernetes.io/…`.
    """

    name: str
    nodes: tuple[Member, ...]
    labels: tuple[tuple[str, str], ...]
    taints: tuple[Taint, ...]
    max_unavailable: int
    kubelet: Kubelet
    kubernetes: str = ""
    """Version of kubelet and kube-proxy if it is older than the API servers; empty: the same version."""
    capacity: Capacity | None = None
    """The machines of a pool in a cloud; None for pools with `nodes`."""
    gpu: Gpu | None = None
    """The vendor of the GPUs of the nodes. `labels` and `taints` contain the label and the taint of GPUs."""
    disks: tuple[Disk, ...] = ()
    """The disks of each node for volumes of pods."""


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
    """Versions of the components, without a leading `v`."""

    kubernetes: str
    etcd: str
    containerd: str
    runc: str
    cni_plugins: str
    flannel: str
    coredns: str
    metrics_server: str


@dataclass(frozen=True, slots=True)
class Registry:
    """A mirror of an image registry. `name` is the registry in image names, or `_default`.

    `ca` is the PEM of a private certificate authority; empty: the authorities of the system. `credentials` is
    the name of a secret in the delivery (`registry-<name>`); empty: no credentials. With `cluster_ca`, the CA
    of the cluster signs the certificate.
    """

    name: str
    endpoint: str
    ca: str
    credentials: str
    cluster_ca: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """The complete description of one cluster."""

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
    """Additional names and addresses in the certificates of the API servers."""
    drain_seconds: int = 300
    """Maximum duration of the drain of a node before the node changes or leaves."""
    certificates: Certificates = field(default_factory=Certificates)
    snapshots: Snapshots = field(default_factory=Snapshots)
    defragmentation: Defragmentation | None = None
    """The schedule of etcd's defragmentation; None: never."""
    encryption: Encryption = field(default_factory=Encryption)
    external_cloud: bool = False
    """Whether the cloud controller manager sets addresses and zones of nodes and creates load balancers."""
    extra_flags: ExtraFlags = NO_EXTRA_FLAGS
    image_digests: tuple[tuple[str, str], ...] = ()
    """The references of images whose digests the stack pins, with the digests (`sha256:` and hex digits)."""
    dns: Dns = field(default_factory=Dns)
    ingress: Ingress | None = None
    metallb: MetalLb | None = None
    cert_manager: CertManager | None = None
    external_dns: ExternalDns | None = None
    keda: Keda | None = None
    storage: Storage = field(default_factory=Storage)
    velero: Velero | None = None
    dashboard: Dashboard | None = None
    logs: Logs | None = None
    monitoring: Monitoring | None = None

    @property
    def has_workers(self) -> bool:
        """Whether the cluster can have nodes without another role."""
        return any(pool.capacity for pool in self.pools) or any(
            machine.roles == (Role.NODE,) for machine in self.machines
        )

    distribution: Distribution | None = None

    @property
    def has_gpus(self) -> bool:
        """Whether a pool has GPUs."""
        return any(pool.gpu for pool in self.pools)

    @property
    def version_sets(self) -> tuple[Versions, ...]:
        """The component versions of the cluster, then those with the version of each older pool."""
        older = sorted({pool.kubernetes for pool in self.pools} - {"", self.versions.kubernetes})
        return (self.versions, *(replace(self.versions, kubernetes=version) for version in older))
