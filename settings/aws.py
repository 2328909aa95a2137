"""Settings of AWS [K]."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import CloudSettings, Endpoints, MetadataUrl, ServiceUrl, SubnetSettings, Zones
from settings.types import Network, NonEmpty
from topology.subnets import split_into_zones

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("not a region; allowed: a name such as eu-central-1")
    return text


class AwsNetworkSettings(Section):
    """The VPC: a new one of `range`, or an existing one with its subnets."""

    range: Network
    """IPv4 range of the VPC, a /16 to a /22 for a new one."""
    nat: Literal["one", "per-zone"] = "per-zone"
    """NAT gateways: `one` is cheaper; with `per-zone` the loss of a zone does not cut off other zones."""
    flow_logs: bool = True
    """Record accepted and rejected connections of the VPC."""
    vpc: NonEmpty | None = None
    """Id of an existing VPC; without it a VPC is created."""
    private: dict[NonEmpty, SubnetSettings] = Field(default_factory=dict)
    """Private subnets of an existing VPC, by zone; one for every zone of `aws.zones`."""
    public: dict[NonEmpty, SubnetSettings] = Field(default_factory=dict)
    """Public subnets of an existing VPC, by zone; required for a public endpoint."""


class AwsEndpointSettings(Section):
    """The load balancer of the API."""

    public: bool = False
    """Make the API reachable from the internet, for the networks of `network.api_allowed`."""
    zone: str = ""
    """Id of the hosted zone that gets a DNS record of the endpoint; empty: none."""


class AwsImageSettings(Section):
    """The image of machines: by id, or the newest of an owner with a matching name."""

    id: NonEmpty | None = None
    """Id of the image (AMI)."""
    owner: NonEmpty | None = None
    """Account id of the image's owner; required with `name`."""
    name: NonEmpty | None = None
    """Pattern of the image's name, such as `debian-13-amd64-*`; the newest match is used."""


class AwsEndpoints(Endpoints):
    """URLs of AWS services; empty: the public ones of the region."""

    s3: ServiceUrl = ""
    """URL of S3."""
    ec2: ServiceUrl = ""
    """URL of EC2."""
    autoscaling: ServiceUrl = ""
    """URL of EC2 Auto Scaling."""
    metadata: MetadataUrl = ""
    """URL of the instance metadata service."""


class AwsQuotaSettings(Section):
    """Quotas of the account in the region; defaults are those of a new account (Service Quotas, 2026)."""

    vcpus: int = Field(default=5, ge=1)
    """Number of vCPUs of on-demand instances."""
    spot_vcpus: int = Field(default=5, ge=0)
    """Number of vCPUs of spot instances."""
    addresses: int = Field(default=5, ge=0)
    """Number of Elastic IP addresses."""
    nat_gateways_per_zone: int = Field(default=5, ge=0)
    """Number of NAT gateways in a zone."""
    rules_per_group: int = Field(default=60, ge=1)
    """Number of ingress rules of a security group."""


class AwsSettings(CloudSettings):
    """A cluster on AWS. `aws.ssh_key` is the name of a key pair of the region."""

    MIN_PREFIX: ClassVar[int] = 16
    RESERVED_TAGS: ClassVar[tuple[str, ...]] = ("aws:",)

    region: Annotated[str, AfterValidator(_region)]
    """Region, such as `eu-central-1`."""
    zones: Zones = 3
    """Names of the availability zones, or how many zones to choose; three keep etcd's quorum if one fails."""
    network: AwsNetworkSettings
    """The VPC."""
    endpoint: AwsEndpointSettings = AwsEndpointSettings()
    """The load balancer of the API."""
    image: AwsImageSettings = AwsImageSettings()
    """The image of machines: either `id`, or `owner` and `name`."""
    endpoints: AwsEndpoints = AwsEndpoints()
    """Private endpoints of AWS services."""
    quotas: AwsQuotaSettings = AwsQuotaSettings()
    """Quotas of the account, checked before machines are created."""

    @property
    def range(self) -> IPv4Network:
        """The range of the VPC."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """The number of zones that machines are spread over."""
        return self.zones if isinstance(self.zones, int) else len(self.zones)

    @property
    def zone_names(self) -> tuple[str, ...]:
        """The names of the zones; empty if AWS chooses them."""
        return () if isinstance(self.zones, int) else self.zones

    @property
    def has_existing_subnets(self) -> bool:
        """Whether the settings name an existing VPC with its subnets."""
        return self.network.vpc is not None

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """The private subnet of each zone."""
        if self.network.vpc and not isinstance(self.zones, int):
            return tuple(self.network.private[zone].range for zone in self.zones)
        return tuple(zone.private for zone in split_into_zones(self.range, self.zone_count))

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """The private subnet of each zone, which members and pools share."""
        return self.member_ranges

    @property
    def node_domains(self) -> tuple[str, ...]:
        """The domain of private names.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
        """
        return ("ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal",)

    @property
    def authority_file(self) -> str | None:
        """The PEM file of the certificate authority of the private `endpoints`."""
        return self.endpoints.ca_file
