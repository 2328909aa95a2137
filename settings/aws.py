"""Settings of AWS [K]."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import CloudSettings, Endpoints, MetadataUrl, ServiceUrl, SubnetSettings, Zones
from settings.types import Filled, Network
from topology.subnets import split_into_zones

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("not a region; allowed: a name such as eu-central-1")
    return text


class AwsNetworkSettings(Section):
    """The VPC: a new one of `range`, or an existing one with subnets by zone.

    `nat`: one gateway for all zones, or one for each (a lost zone then takes no other's way out).
    """

    range: Network
    nat: Literal["one", "per-zone"] = "per-zone"
    flow_logs: bool = True
    vpc: Filled | None = None
    private: dict[Filled, SubnetSettings] = Field(default_factory=dict)
    public: dict[Filled, SubnetSettings] = Field(default_factory=dict)


class AwsEndpointSettings(Section):
    """The API's load balancer. `zone`: the id of a hosted zone that gets its name's record, too."""

    public: bool = False
    zone: str = ""


class AwsImageSettings(Section):
    """The machines' image: by its id, or the latest of an owner's whose name fits."""

    id: Filled | None = None
    owner: Filled | None = None
    name: Filled | None = None


class AwsEndpoints(Endpoints):
    """Where services answer; empty: the region's own places."""

    s3: ServiceUrl = ""
    ec2: ServiceUrl = ""
    autoscaling: ServiceUrl = ""
    metadata: MetadataUrl = ""


class AwsQuotaSettings(Section):
    """What the account may have in the region; defaults are those of a new account (Service Quotas, 2026)."""

    vcpus: int = Field(default=5, ge=1)
    spot_vcpus: int = Field(default=5, ge=0)
    addresses: int = Field(default=5, ge=0)
    nat_gateways_per_zone: int = Field(default=5, ge=0)
    rules_per_group: int = Field(default=60, ge=1)


class AwsSettings(CloudSettings):
    """A cluster on AWS. `zones`: names, or how many are found; `ssh_key`: a key pair's name, or none."""

    region: Annotated[str, AfterValidator(_region)]
    zones: Zones = 3
    network: AwsNetworkSettings
    endpoint: AwsEndpointSettings = AwsEndpointSettings()
    image: AwsImageSettings = AwsImageSettings()
    endpoints: AwsEndpoints = AwsEndpoints()
    quotas: AwsQuotaSettings = AwsQuotaSettings()

    @property
    def range(self) -> IPv4Network:
        """The VPC's range."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """Over how many zones machines are spread."""
        return self.zones if isinstance(self.zones, int) else len(self.zones)

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """The private subnet of each zone."""
        if self.network.vpc and not isinstance(self.zones, int):
            return tuple(self.network.private[zone].range for zone in self.zones)
        return tuple(zone.private for zone in split_into_zones(self.range, self.zone_count))

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The same: workers share the subnets of members."""
        return self.member_ranges

    @property
    def node_domains(self) -> tuple[str, ...]:
        """Of private names (docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html)."""
        return ("ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal",)

    @property
    def authority_file(self) -> str | None:
        """The PEM of the authority of `endpoints`."""
        return self.endpoints.ca_file
