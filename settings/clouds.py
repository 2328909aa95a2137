"""Settings that all clouds share: the machines to create, and the network of the machines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from settings.base import Section
from settings.file_storage import FileStorageSettings
from settings.pod_identities import PodIdentitySettings
from settings.types import Duration, FilePath, Network, NonEmpty, Quantity, parse_seconds, validate_url
from topology.options import CredentialProvider

_MIN_REPAIR_SECONDS, _MAX_REPAIR_SECONDS = 300, 7200


def _validate_service_url(text: str) -> str:
    return validate_url(text, "https")


def _validate_metadata_url(text: str) -> str:
    return validate_url(text, "https", "http")


def _parse_zones(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ValueError("not zones; allowed: a list of their names as text, or how many zones to choose")


def _validate_repair_after(duration: str) -> str:
    seconds = parse_seconds(duration)
    if seconds and not _MIN_REPAIR_SECONDS <= seconds <= _MAX_REPAIR_SECONDS:
        raise ValueError("not a time for the repair of machines; allowed: 5m to 2h, or 0s for no repair")
    return duration


ServiceUrl = Annotated[str, AfterValidator(_validate_service_url)]
"""URL of a service of the cloud; empty: the public URL."""
MetadataUrl = Annotated[str, AfterValidator(_validate_metadata_url)]
"""URL of the metadata service; http is allowed, because clouds serve metadata without TLS on a local link."""
Zones = Annotated[int | tuple[str, ...], BeforeValidator(_parse_zones)]
"""Names of availability zones, or the number of zones that the cloud chooses."""


class SizeSettings(Section):
    """Number of nodes of a pool. The autoscaler chooses a number between minimum and maximum."""

    min: int = Field(ge=0)
    """Minimum number of nodes; without the autoscaler, the pool has exactly this number of nodes."""
    max: int = Field(ge=1)
    """Maximum number of nodes."""


class PoolMachineSettings(Section):
    """The machines of a pool."""

    types: tuple[NonEmpty, ...] = Field(min_length=1)
    """Machine types, such as `m5.large`; the cloud chooses an available type from the list."""
    disk: Quantity = "100Gi"
    """Size of the system disk, in whole GiB; the disk holds images, logs and local data of pods."""
    spot: bool = False
    """Use spot machines: cheaper, but the cloud may reclaim them at any time."""


class MemberMachineSettings(Section):
    """The machine of a member."""

    type: NonEmpty
    """Type of the machine, such as `m5.large`."""
    disk: Quantity = "40Gi"
    """Size of the system disk, in whole GiB; the disk is deleted when the machine is replaced."""
    data_disk: Quantity = "20Gi"
    """Size of the volume for etcd's data, in whole GiB; the volume survives a replacement of the machine."""


class VolumeSnapshotSettings(Section):
    """Snapshots of data volumes by the cloud, in addition to etcd's own snapshots."""

    every_hours: Literal[1, 2, 4, 6, 8, 12, 24] = 24
    """Hours between two snapshots."""
    keep: int = Field(default=7, ge=1, le=200)
    """Number of snapshots that are kept."""


class SnapshotCopySettings(Section):
    """Copies of etcd's snapshots in another region."""

    keep_days: int = Field(default=30, ge=1, le=3650)
    """Number of days after which the cloud deletes a copy."""


class CloudAddonSettings(Section):
    """Add-ons for the cloud, in addition to the cloud controller manager, which always runs."""

    storage: bool = True
    """Install the CSI driver and a storage class for persistent volumes of pods."""
    autoscaler: bool = True
    """Install the cluster autoscaler; without it, pools keep their minimum size."""
    load_balancers: bool = False
    """Install a separate controller for load balancers, in clouds that need one."""


class SubnetSettings(Section):
    """An existing subnet."""

    id: NonEmpty
    """ID of the subnet in the cloud."""
    range: Network
    """IPv4 range of the subnet, inside the range of the network."""


class Endpoints(Section):
    """Private endpoints of the cloud's services."""

    ca_file: FilePath | None = None
    """PEM file of the certificate authority of these endpoints; default: the system's authorities."""


class CloudSettings(Section):
    """Settings that every cloud has."""

    MIN_PREFIX: ClassVar[int]
    """Prefix length of the largest network that the cloud creates."""
    RESERVED_TAGS: ClassVar[tuple[str, ...]]
    """Prefixes of tag keys that the cloud reserves, in lower case."""
    DISK_CLASS: ClassVar[str]
    """Name of the StorageClass of the cloud's disks, the default class."""

    snapshots: VolumeSnapshotSettings = VolumeSnapshotSettings()
    """Snapshots of data volumes."""
    addons: CloudAddonSettings = CloudAddonSettings()
    """Add-ons for the cloud."""
    file_storage: FileStorageSettings | None = None
    """Volumes in the file storage of the cloud."""
    tags: dict[NonEmpty, str] = Field(default_factory=dict)
    """Tags of all resources; at most 30, because Kubewright adds further tags."""
    ssh_key: str = ""
    """SSH key of the machines; empty: no SSH access."""
    repair_after: Annotated[Duration, AfterValidator(_validate_repair_after)] = "15m"
    """Time after which a machine with an unhealthy kubelet, API server or etcd is repaired; `0s`: never."""

    @property
    @abstractmethod
    def range(self) -> IPv4Network:
        """Return the range of the virtual network, which contains all machines."""

    @property
    @abstractmethod
    def zone_count(self) -> int:
        """Return the number of zones for machines."""

    @property
    @abstractmethod
    def zone_names(self) -> tuple[str, ...]:
        """Return the names of the zones; empty if the cloud chooses the zones."""

    @property
    @abstractmethod
    def has_existing_subnets(self) -> bool:
        """Check whether the settings name existing subnets instead of a range to split."""

    @property
    @abstractmethod
    def has_public_endpoint(self) -> bool:
        """Check whether the API is reachable from the internet."""

    @property
    @abstractmethod
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """Return the ranges of the subnets for members, one for each zone in the order of the zones.

        Raise ValueError if the range of the virtual network is too small.
        """

    @property
    @abstractmethod
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """Return the ranges of the subnets for the nodes of pools.

        Raise ValueError if the range of the virtual network is too small.
        """

    @property
    @abstractmethod
    def has_snapshot_copies(self) -> bool:
        """Check whether etcd members copy their snapshots to another region."""

    @property
    def probe_sources(self) -> tuple[IPv4Network, ...]:
        """Return the source networks of the cloud's health probes that are outside the virtual network."""
        return ()

    @property
    def node_domains(self) -> tuple[str, ...]:
        """Return the DNS domains of the names that the cloud assigns to machines."""
        return ()

    @abstractmethod
    def architecture(self, machine_type: str) -> str:
        """Return the architecture of a machine type by its name: `amd64` or `arm64`."""

    def credential_provider(self) -> CredentialProvider | None:
        """Return the program with which nodes get credentials for images, without its `authority`.

        None if the settings name no image registries.
        """
        return None

    @property
    @abstractmethod
    def issuer_store(self) -> str:
        """Return the name of the store with the documents of the issuer of service account tokens, or "".

        These documents are public, and nothing else in the store.
        """

    @property
    @abstractmethod
    def token_issuer(self) -> str | None:
        """Return the URL of the issuer of service account tokens that the cloud publishes, if any."""

    @property
    @abstractmethod
    def pod_identity_sections(self) -> Mapping[str, PodIdentitySettings]:
        """Return the identities of pods by their paths in the section, whose last part is the name."""

    @property
    @abstractmethod
    def authority_file(self) -> str | None:
        """Return the PEM file of the certificate authority for private service endpoints."""
