"""Settings of Azure [L]."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import CloudSettings, Endpoints, MetadataUrl, ServiceUrl, SubnetSettings
from settings.types import Network, NonEmpty
from topology.subnets import split_into_zones

PROBES = IPv4Network("168.63.129.16/32")
"""The source address of health probes of Azure's load balancers.

https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""
_LOCATION = re.compile(r"[a-z][a-z0-9]+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _location(text: str) -> str:
    if not _LOCATION.fullmatch(text):
        raise ValueError("not a location; allowed: a short name such as westeurope")
    return text


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError(
            "not an id; allowed: a GUID in lower case, such as 00000000-0000-0000-0000-000000000000"
        )
    return text


class AzureSubnetsSettings(Section):
    """Existing subnets: one for members, whose addresses are fixed, and one for the nodes of pools."""

    members: SubnetSettings
    """Subnet of members."""
    pools: SubnetSettings
    """Subnet of pools' nodes."""


class AzureNetworkSettings(Section):
    """The virtual network: a new one of `range`, or an existing one with its subnets."""

    range: Network
    """IPv4 range of the virtual network, a /8 to a /22 for a new one."""
    nat: bool = True
    """Create a NAT gateway, so that machines without public addresses reach the internet."""
    flow_logs: bool = False
    """Record accepted and rejected connections of the virtual network."""
    id: NonEmpty | None = None
    """Id of an existing virtual network; without it a virtual network is created."""
    subnets: AzureSubnetsSettings | None = None
    """Subnets of an existing virtual network; required with `id`."""


class AzureEndpointSettings(Section):
    """The load balancer of the API."""

    public: bool = False
    """Make the API reachable from the internet, for the networks of `network.api_allowed`."""
    label: str = ""
    """DNS label of the public address in the location; empty: none."""


class AzureImageSettings(Section):
    """The image of machines: of the marketplace, or by id."""

    id: NonEmpty | None = None
    """Id of an image or of a version in a gallery."""
    publisher: NonEmpty | None = None
    """Publisher in the marketplace; required with `offer` and `sku`."""
    offer: NonEmpty | None = None
    """Offer in the marketplace."""
    sku: NonEmpty | None = None
    """SKU in the marketplace."""
    version: NonEmpty = "latest"
    """Version in the marketplace; `latest` is looked up when a machine is created."""


class AzureEndpoints(Endpoints):
    """URLs of Azure services; empty: the ones of the public cloud."""

    blob: ServiceUrl = ""
    """URL of Blob Storage."""
    vault: ServiceUrl = ""
    """URL of Key Vault."""
    metadata: MetadataUrl = ""
    """URL of the instance metadata service."""


class AzureQuotaSettings(Section):
    """Quotas of the subscription in the location; defaults are those of a new subscription (2026)."""

    vcpus: int = Field(default=20, ge=1)
    """Number of vCPUs of regular machines."""
    spot_vcpus: int = Field(default=20, ge=0)
    """Number of vCPUs of spot machines."""
    addresses: int = Field(default=20, ge=0)
    """Number of public IP addresses."""
    rules_per_group: int = Field(default=1000, ge=1)
    """Number of rules of a network security group."""


class AzureSettings(CloudSettings):
    """A cluster on Azure. `azure.ssh_key` is the text of a public key."""

    MIN_PREFIX: ClassVar[int] = 8
    RESERVED_TAGS: ClassVar[tuple[str, ...]] = ("azure", "microsoft", "windows")

    subscription: Annotated[str, AfterValidator(_guid)]
    """Id of the subscription, a GUID."""
    location: Annotated[str, AfterValidator(_location)]
    """Location, such as `westeurope`."""
    zones: tuple[NonEmpty, ...] = ("1", "2", "3")
    """Names of the availability zones; three keep etcd's quorum if one fails."""
    network: AzureNetworkSettings
    """The virtual network."""
    endpoint: AzureEndpointSettings = AzureEndpointSettings()
    """The load balancer of the API."""
    private_store: bool = False
    """Make the store reachable only from the virtual network; the deployer must be connected to it, too."""
    image: AzureImageSettings = AzureImageSettings()
    """The image of machines: either `id`, or `publisher`, `offer` and `sku`."""
    endpoints: AzureEndpoints = AzureEndpoints()
    """Private endpoints of Azure services."""
    quotas: AzureQuotaSettings = AzureQuotaSettings()
    """Quotas of the subscription, checked before machines are created."""

    @property
    def range(self) -> IPv4Network:
        """The range of the virtual network."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """The number of zones that machines are spread over."""
        return len(self.zones)

    @property
    def zone_names(self) -> tuple[str, ...]:
        """The names of the zones."""
        return self.zones

    @property
    def has_existing_subnets(self) -> bool:
        """Whether the settings name existing subnets."""
        return self.network.subnets is not None

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnet of members, once for each zone: a subnet of Azure spans all zones."""
        existing = self.network.subnets
        subnet = existing.members.range if existing else split_into_zones(self.range, 2)[0].private
        return (subnet,) * self.zone_count

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnet of pools, separate so that no scale set takes the address of a member."""
        existing = self.network.subnets
        return (existing.pools.range if existing else split_into_zones(self.range, 2)[1].private,)

    @property
    def probes(self) -> tuple[IPv4Network, ...]:
        """The source address of health probes of Azure's load balancers."""
        return (PROBES,)

    @property
    def authority_file(self) -> str | None:
        """The PEM file of the authority of `endpoints`."""
        return self.endpoints.ca_file
