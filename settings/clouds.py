"""Settings that all clouds have: the machines to create, and the network that they are in."""

from __future__ import annotations

from abc import abstractmethod
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from settings.base import Section
from settings.types import FilePath, Network, NonEmpty, Quantity, validate_url


def _service_url(text: str) -> str:
    return validate_url(text, "https")


def _metadata_url(text: str) -> str:
    return validate_url(text, "https", "http")


def _zones(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ValueError("not zones; allowed: a list of their names as text, or how many zones to choose")


ServiceUrl = Annotated[str, AfterValidator(_service_url)]
"""URL of a service of the cloud; empty: its public URL."""
MetadataUrl = Annotated[str, AfterValidator(_metadata_url)]
"""URL of the metadata service; http is allowed, because clouds serve it without TLS on a local link."""
Zones = Annotated[int | tuple[str, ...], BeforeValidator(_zones)]


class SizeSettings(Section):
    """Number of nodes of a pool; the autoscaler chooses between minimum and maximum."""

    min: int = Field(ge=0)
    """Minimum number of nodes; without the autoscaler the pool has this number."""
    max: int = Field(ge=1)
    """Maximum number of nodes."""


class PoolMachineSettings(Section):
    """Machines of a pool."""

    types: tuple[NonEmpty, ...] = Field(min_length=1)
    """Machine types, such as `m5.large`; of several the cloud chooses an available one."""
    disk: Quantity = "100Gi"
    """Size of the system disk, in whole GiB; it holds images, logs and pods' local data."""
    spot: bool = False
    """Use spot machines: cheaper, but the cloud may take them back at any time."""


class MemberMachineSettings(Section):
    """The machine of a member."""

    type: NonEmpty
    """Machine type, such as `m5.large`."""
    disk: Quantity = "40Gi"
    """Size of the system disk, in whole GiB; it is lost when the machine is replaced."""
    data_disk: Quantity = "20Gi"
    """Size of the volume for etcd's data, in whole GiB; it survives the machine."""


class VolumeSnapshotSettings(Section):
    """Snapshots that the cloud takes of data volumes, beside etcd's own."""

    every_hours: Literal[1, 2, 4, 6, 8, 12, 24] = 24
    """Hours between two snapshots."""
    keep: int = Field(default=7, ge=1, le=200)
    """Number of snapshots that are kept."""


class CloudAddonSettings(Section):
    """Add-ons for the cloud, beside its cloud controller manager, which always runs."""

    storage: bool = True
    """Install the CSI driver and a storage class, for volumes of pods."""
    autoscaler: bool = True
    """Install the cluster autoscaler; without it pools keep their minimum size."""
    load_balancers: bool = False
    """Install a separate controller for load balancers; only for clouds that need one."""


class SubnetSettings(Section):
    """An existing subnet."""

    id: NonEmpty
    """Id of the subnet in the cloud."""
    range: Network
    """IPv4 range of the subnet, inside the range of the network."""


class Endpoints(Section):
    """Private endpoints of the cloud's services."""

    ca_file: FilePath | None = None
    """PEM file of the authority of these endpoints; without it the system's authorities are used."""


class CloudSettings(Section):
    """Settings of every cloud."""

    MIN_PREFIX: ClassVar[int]
    """Prefix length of the largest network that the cloud creates."""
    RESERVED_TAGS: ClassVar[tuple[str, ...]]
    """Beginnings of tag keys that the cloud reserves, in lower case."""

    snapshots: VolumeSnapshotSettings = VolumeSnapshotSettings()
    """Snapshots of data volumes."""
    addons: CloudAddonSettings = CloudAddonSettings()
    """Add-ons for the cloud."""
    tags: dict[NonEmpty, str] = Field(default_factory=dict)
    """Tags of all resources, at most 30, because Kubewright adds its own."""
    ssh_key: str = ""
    """SSH key of the machines; empty: no SSH access."""

    @property
    @abstractmethod
    def range(self) -> IPv4Network:
        """The range of the virtual network, which contains all machines."""

    @property
    @abstractmethod
    def zone_count(self) -> int:
        """The number of zones that machines are spread over."""

    @property
    @abstractmethod
    def zone_names(self) -> tuple[str, ...]:
        """The names of the zones; empty if the cloud chooses them."""

    @property
    @abstractmethod
    def has_existing_subnets(self) -> bool:
        """Whether the settings name existing subnets instead of a range to split."""

    @property
    @abstractmethod
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """The range of members' addresses in each zone. Raises ValueError for a range that is too small."""

    @property
    @abstractmethod
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The ranges of the addresses of pools' nodes. Raises ValueError for a range that is too small."""

    @property
    def probes(self) -> tuple[IPv4Network, ...]:
        """The sources of the cloud's health probes that are outside the virtual network."""
        return ()

    @property
    def node_domains(self) -> tuple[str, ...]:
        """The domains of the names that the cloud gives to machines."""
        return ()

    @property
    @abstractmethod
    def authority_file(self) -> str | None:
        """The PEM file of the authority of private service endpoints."""
