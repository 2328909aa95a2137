"""Settings of Azure [L]."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import CloudSettings, Endpoints, MetadataUrl, ServiceUrl, SubnetSettings
from settings.types import Filled, Network
from topology.subnets import split_into_zones

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOCATION = re.compile(r"[a-z][a-z0-9]+")
PROBES = IPv4Network("168.63.129.16/32")
"""Where Azure's load balancers ask from.

learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
"""


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError(
            "not an id; allowed: a GUID in lower case, such as 00000000-0000-0000-0000-000000000000"
        )
    return text


def _location(text: str) -> str:
    if not _LOCATION.fullmatch(text):
        raise ValueError("not a location; allowed: its short name, such as westeurope")
    return text


class AzureSubnetsSettings(Section):
    """Subnets that are there already: of members, whose addresses are chosen, and of pools' nodes."""

    members: SubnetSettings
    pools: SubnetSettings


class AzureNetworkSettings(Section):
    """The virtual network: a new one of `range`, or an existing one by `id` with its subnets."""

    range: Network
    nat: bool = True
    flow_logs: bool = False
    id: Filled | None = None
    subnets: AzureSubnetsSettings | None = None


class AzureEndpointSettings(Section):
    """The API's load balancer. `label`: of the public address's name in the location, or none."""

    public: bool = False
    label: str = ""


class AzureImageSettings(Section):
    """The machines' image: one of the marketplace, or by the id of an image or a gallery's version."""

    publisher: Filled | None = None
    offer: Filled | None = None
    sku: Filled | None = None
    version: Filled = "latest"
    id: Filled | None = None


class AzureEndpoints(Endpoints):
    """Where services answer; empty: the public cloud's own places."""

    metadata: MetadataUrl = ""
    blob: ServiceUrl = ""
    vault: ServiceUrl = ""


class AzureQuotaSettings(Section):
    """What the subscription may have in the location; defaults are those of a new one (2026)."""

    vcpus: int = Field(default=20, ge=1)
    spot_vcpus: int = Field(default=20, ge=0)
    addresses: int = Field(default=20, ge=0)
    rules_per_group: int = Field(default=1000, ge=1)


class AzureSettings(CloudSettings):
    """A cluster on Azure. `ssh_key`: a public key's text, or none.

    `private_store`: the store is reached from inside the network alone, also by the deployer.
    """

    subscription: Annotated[str, AfterValidator(_guid)]
    location: Annotated[str, AfterValidator(_location)]
    zones: tuple[Filled, ...] = ("1", "2", "3")
    network: AzureNetworkSettings
    endpoint: AzureEndpointSettings = AzureEndpointSettings()
    private_store: bool = False
    image: AzureImageSettings = AzureImageSettings()
    endpoints: AzureEndpoints = AzureEndpoints()
    quotas: AzureQuotaSettings = AzureQuotaSettings()

    @property
    def range(self) -> IPv4Network:
        """The virtual network's range."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """Over how many zones machines are spread."""
        return len(self.zones)

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnet of members: Azure's subnets go over all zones."""
        own = self.network.subnets
        return (own.members.range if own else split_into_zones(self.range, 2)[0].private,) * self.zone_count

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The subnet of pools, of its own so that no scale set takes a member's address."""
        own = self.network.subnets
        return (own.pools.range if own else split_into_zones(self.range, 2)[1].private,)

    @property
    def probes(self) -> tuple[IPv4Network, ...]:
        """Azure's load balancers ask from an address of their own."""
        return (PROBES,)

    @property
    def authority_file(self) -> str | None:
        """The PEM of the authority of `endpoints`."""
        return self.endpoints.ca_file
