"""Settings of a cluster on Azure [L]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from settings.azure_file_storage import AzureFileStorageSettings
from settings.azure_pod_identities import AzurePodIdentitiesSettings
from settings.azure_types import DiskKey, Guid, Location
from settings.base import Section
from settings.clouds import (
    CloudSettings,
    Endpoints,
    MetadataUrl,
    ServiceUrl,
    SnapshotCopySettings,
    SubnetSettings,
    VolumeSnapshotSettings,
)
from settings.pod_identities import PodIdentitySettings
from settings.types import Network, NonEmpty
from topology.architectures import AMD64, ARM64
from topology.subnets import split_into_zones

PROBE_SOURCE = IPv4Network("168.63.129.16/32")
"""The source address of health probes of Azure's load balancers.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
ISSUER_CONTAINER = "oidc"
"""Name of the public blob container with the documents of the issuer of service account tokens."""
STORAGE_DOMAINS = {
    "public": "core.windows.net",
    "usgovernment": "core.usgovcloudapi.net",
    "china": "core.chinacloudapi.cn",
}
"""Domains of storage accounts by cloud of Azure."""
# Standard_D2ps_v5: the feature p is an Arm processor.
# learn.microsoft.com/azure/virtual-machines/vm-naming-conventions
_ARM64_SIZE = re.compile(r"Standard_[A-Z]+[0-9]+(?:-[0-9]+)?[a-z]*p")
_ZONES = ("1", "2", "3")


def _validate_zones(zones: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [zone for zone in zones if zone not in _ZONES]
    if unknown:
        raise ValueError(f'{unknown[0]}: not a zone; allowed: "1", "2" and "3"')
    if len(zones) != 1 and sorted(zones) != [*_ZONES]:
        raise ValueError(
            "frontends of load balancers are in one zone or in all zones; name one zone, or all three"
        )
    return zones


class AzureSubnetsSettings(Section):
    """Existing subnets: a subnet for members, which have fixed addresses, and a subnet for the nodes of
    pools.
    """

    members: SubnetSettings
    """Subnet for members."""
    pools: SubnetSettings
    """Subnet for the nodes of pools."""


class AzureNetworkSettings(Section):
    """The virtual network: a new network with `range`, or an existing network with its subnets."""

    range: Network
    """IPv4 range of the virtual network; a new network needs a /8 to a /22."""
    nat: bool = True
    """Create a NAT gateway, through which machines reach the internet; required in a new network."""
    accelerated: bool = True
    """Accelerated networking of all machines, which most sizes support."""
    flow_logs: bool = False
    """Not supported on Azure; enable flow logs in Network Watcher."""
    id: NonEmpty | None = None
    """ID of an existing virtual network; without it a virtual network is created."""
    subnets: AzureSubnetsSettings | None = None
    """Subnets of an existing virtual network; required with `id`."""


class AzureEndpointSettings(Section):
    """The load balancer in front of the API servers."""

    public: bool = False
    """Add a load balancer that the networks in `network.api_allowed` reach over the internet."""
    label: str = ""
    """DNS label of the public address in the location; empty: no DNS name."""


class AzureImageSettings(Section):
    """The image of machines: an image of the marketplace, or an image ID."""

    id: NonEmpty | None = None
    """ID of an image or of an image version in a gallery."""
    publisher: NonEmpty | None = None
    """Publisher of the image in the marketplace; required with `offer` and `sku`."""
    offer: NonEmpty | None = None
    """Offer of the image in the marketplace."""
    sku: NonEmpty | None = None
    """SKU of the image in the marketplace."""
    version: NonEmpty = "latest"
    """Version of the image in the marketplace; `latest` is resolved when a machine is created."""

    @property
    def is_given(self) -> bool:
        """Return whether the settings describe an image."""
        return any((self.id, self.publisher, self.offer, self.sku))


class AzureEndpoints(Endpoints):
    """URLs of Azure services; empty: the URLs of the public cloud."""

    blob: ServiceUrl = ""
    """URL of Blob Storage."""
    vault: ServiceUrl = ""
    """Not used, because payloads are blobs."""
    metadata: MetadataUrl = ""
    """URL of the instance metadata service."""
    management: ServiceUrl = ""
    """URL of Azure Resource Manager for the deployer's programs and for control planes."""
    issuer: ServiceUrl = ""
    """URL of the storage account `pod_identities.issuer_account`."""
    copies: ServiceUrl = ""
    """URL of the storage account of `azure.snapshot_copies`."""
    login: ServiceUrl = ""
    """URL of Entra ID, where pods with a managed identity get their tokens."""


class AzureQuotaSettings(Section):
    """Quotas of the subscription in the location; defaults are the quotas of a new subscription (2026)."""

    vcpus: int = Field(default=20, ge=1)
    """Number of vCPUs of regular machines."""
    spot_vcpus: int = Field(default=20, ge=0)
    """Number of vCPUs of spot machines."""
    addresses: int = Field(default=20, ge=0)
    """Number of public IP addresses."""
    rules_per_group: int = Field(default=1000, ge=1)
    """Number of rules of a network security group."""


class AzureSnapshotSettings(VolumeSnapshotSettings):
    """Snapshots of data disks by Azure Disk Backup, in addition to etcd's own snapshots."""

    enabled: bool = True
    """Take snapshots of data disks; false: no Backup vault is created."""
    soft_delete: bool = False
    """Keep deleted backups for 14 days; the vault and its resource group then survive `down`."""


class AzureSnapshotCopySettings(SnapshotCopySettings):
    """A storage account in another location, to which etcd members copy their snapshots."""

    location: Location
    """Location of the storage account, such as `northeurope`; not the location of the cluster."""


class AzureSettings(CloudSettings):
    """A cluster on Azure. `azure.ssh_key` is the text of a public SSH key."""

    MIN_PREFIX: ClassVar[int] = 8
    RESERVED_TAGS: ClassVar[tuple[str, ...]] = ("azure", "microsoft", "windows")
    DISK_CLASS: ClassVar[str] = "managed-premium"

    subscription: Guid
    """ID of the subscription, a GUID."""
    cloud: Literal["public", "usgovernment", "china"] = "public"
    """Cloud of Azure that has the subscription."""
    location: Location
    """Location of the cluster, such as `westeurope`."""
    zones: Annotated[tuple[NonEmpty, ...], AfterValidator(_validate_zones)] = ("1", "2", "3")
    """Availability zones: one zone, or all three, so that etcd keeps its quorum if a zone fails."""
    network: AzureNetworkSettings
    """The virtual network of the cluster."""
    endpoint: AzureEndpointSettings = AzureEndpointSettings()
    """The load balancer in front of the API servers."""
    private_store: bool = False
    """Make the store reachable only from the virtual network; the deployer must be connected to it."""
    image: AzureImageSettings = AzureImageSettings()
    """The image of amd64 machines: either `id`, or `publisher`, `offer` and `sku`."""
    image_arm64: AzureImageSettings = AzureImageSettings()
    """The image of arm64 machines (Ampere, Cobalt), such as the `sku` `13-arm64` of Debian."""
    disk_key: DiskKey = ""
    """ID of a disk encryption set for all disks, set before the first `up`; empty: platform-managed keys."""
    snapshots: AzureSnapshotSettings = AzureSnapshotSettings()
    """Snapshots of data disks."""
    snapshot_copies: AzureSnapshotCopySettings | None = None
    """Copies of etcd's snapshots in another location; default: none."""
    endpoints: AzureEndpoints = AzureEndpoints()
    """Private endpoints of Azure services."""
    quotas: AzureQuotaSettings = AzureQuotaSettings()
    """Quotas of the subscription, checked before machines are created."""
    file_storage: AzureFileStorageSettings | None = None
    """Volumes in Azure Files, which many nodes mount at the same time; default: none."""
    pod_identities: AzurePodIdentitiesSettings | None = None
    """Managed identities of pods; default: pods have no identity on Azure."""

    @property
    def range(self) -> IPv4Network:
        """Return the range of the virtual network."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """Return the number of zones for machines."""
        return len(self.zones)

    @property
    def zone_names(self) -> tuple[str, ...]:
        """Return the names of the zones."""
        return self.zones

    @property
    def has_existing_subnets(self) -> bool:
        """Check whether the settings name existing subnets."""
        return self.network.subnets is not None

    @property
    def has_public_endpoint(self) -> bool:
        """Check whether the API is reachable from the internet."""
        return self.endpoint.public

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """Return the range of the members' subnet, repeated for each zone: a subnet of Azure spans all
        zones.
        """
        existing = self.network.subnets
        subnet = existing.members.range if existing else split_into_zones(self.range, 2)[0].private
        return (subnet,) * self.zone_count

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """Return a tuple with one range: the range of the pools' subnet, which spans all zones.

        Pools have their own subnet, because scale sets must not use the addresses of members.
        """
        existing = self.network.subnets
        return (existing.pools.range if existing else split_into_zones(self.range, 2)[1].private,)

    def architecture(self, machine_type: str) -> str:
        """Return the architecture of a machine size by its name. Names of other forms count as amd64."""
        return ARM64 if _ARM64_SIZE.match(machine_type) else AMD64

    @property
    def probe_sources(self) -> tuple[IPv4Network, ...]:
        """Return the source address of the health probes of Azure's load balancers, as a /32 network."""
        return (PROBE_SOURCE,)

    @property
    def has_snapshot_copies(self) -> bool:
        """Check whether etcd members copy their snapshots to another location."""
        return self.snapshot_copies is not None

    @property
    def issuer_store(self) -> str:
        """Return the storage account of the issuer; empty without identities of pods."""
        return self.pod_identities.issuer_account if self.pod_identities else ""

    @property
    def token_issuer(self) -> str | None:
        """Return the URL of the container with the documents of the issuer, if pods have identities."""
        if self.pod_identities is None:
            return None
        default = f"https://{self.pod_identities.issuer_account}.blob.{STORAGE_DOMAINS[self.cloud]}"
        return f"{(self.endpoints.issuer or default).rstrip('/')}/{ISSUER_CONTAINER}"

    @property
    def pod_identity_sections(self) -> Mapping[str, PodIdentitySettings]:
        """Return the managed identities of pods by their paths in the section."""
        identities = self.pod_identities.identities if self.pod_identities else {}
        return {f"pod_identities.identities.{name}": identity for name, identity in identities.items()}

    @property
    def authority_file(self) -> str | None:
        """Return the PEM file of the certificate authority for the private `endpoints`."""
        return self.endpoints.ca_file
