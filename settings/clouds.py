"""What the settings of clouds have in common: machines that are made, and what they stand in."""

from __future__ import annotations

from abc import abstractmethod
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from settings.base import Section
from settings.types import FilePath, Filled, Network, Quantity
from settings.types import url as _url


def _service(text: str) -> str:
    return _url(text, "https")


def _metadata(text: str) -> str:
    return _url(text, "https", "http")


def _zones(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ValueError("not zones; allowed: a list of their names as text, or a number of them to be found")


ServiceUrl = Annotated[str, AfterValidator(_service)]
"""Where one of the cloud's services answers; empty: its public place."""
MetadataUrl = Annotated[str, AfterValidator(_metadata)]
"""Where machines ask about themselves; the clouds' own answers without TLS, on the machine's own link."""
Zones = Annotated[int | tuple[str, ...], BeforeValidator(_zones)]


class SizeSettings(Section):
    """How many nodes a pool has at least and at most; the autoscaler chooses between."""

    min: int = Field(ge=0)
    max: int = Field(ge=1)


class PoolMachineSettings(Section):
    """The machines of a pool. Of several `types` the cloud takes what it has; `spot` may be taken away."""

    types: tuple[Filled, ...] = Field(min_length=1)
    disk: Quantity = "100Gi"
    spot: bool = False


class MemberMachineSettings(Section):
    """The machine of a member. What it must not lose, etcd's data, is on a volume of its own."""

    type: Filled
    disk: Quantity = "40Gi"
    data_disk: Quantity = "20Gi"


class VolumeSnapshotSettings(Section):
    """The cloud's own snapshots of data volumes, beside etcd's."""

    every_hours: Literal[1, 2, 4, 6, 8, 12, 24] = 24
    keep: int = Field(default=7, ge=1, le=200)


class CloudAddonSettings(Section):
    """What in the cluster works with the cloud, beside its controller manager, which is always there."""

    storage: bool = True
    autoscaler: bool = True
    load_balancers: bool = False


class SubnetSettings(Section):
    """A subnet that is there already."""

    id: Filled
    range: Network


class CloudSettings(Section):
    """What every cloud has."""

    snapshots: VolumeSnapshotSettings = VolumeSnapshotSettings()
    addons: CloudAddonSettings = CloudAddonSettings()
    tags: dict[Filled, str] = Field(default_factory=dict)
    ssh_key: str = ""

    @property
    @abstractmethod
    def range(self) -> IPv4Network:
        """The virtual network's range: all machines are in it."""

    @property
    @abstractmethod
    def zone_count(self) -> int:
        """Over how many zones machines are spread."""

    @property
    @abstractmethod
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """For each zone the range of members' addresses. Raises ValueError for a range too small."""

    @property
    @abstractmethod
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The ranges that the nodes of pools get their addresses from. Raises ValueError likewise."""

    @property
    def probes(self) -> tuple[IPv4Network, ...]:
        """Where the cloud's health probes come from, as far as this is outside the virtual network."""
        return ()

    @property
    def node_domains(self) -> tuple[str, ...]:
        """The domains in which the cloud names machines by itself."""
        return ()

    @property
    def authority_file(self) -> str | None:
        """The PEM of the authority of private service endpoints."""
        return None


class Endpoints(Section):
    """Private endpoints of the cloud's services; `ca_file`: their authority where it is no public one."""

    ca_file: FilePath | None = None
