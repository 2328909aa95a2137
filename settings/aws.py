"""Settings of a cluster on AWS [K]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import ClassVar, Literal

from pydantic import Field

from settings.aws_file_storage import AwsFileStorageSettings
from settings.aws_pod_identities import AwsPodIdentitySettings
from settings.aws_types import Account, Boundary, DiskKey, PullThrough, Region
from settings.base import Section
from settings.clouds import (
    CloudSettings,
    Endpoints,
    MetadataUrl,
    ServiceUrl,
    SnapshotCopySettings,
    SubnetSettings,
    Zones,
)
from settings.pod_identities import PodIdentitySettings
from settings.types import Network, NonEmpty
from topology.architectures import AMD64, ARM64
from topology.options import CredentialProvider
from topology.subnets import split_into_zones

# m6g, c7gn, im4gn: the letter g after the generation is AWS's own processor. a1 is older than this rule.
# docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
_ARM64_TYPE = re.compile(r"(?:a1|[a-z]+[0-9]+[a-z]*g[a-z]*)\.")


_PARTITIONS = {"cn-": ("aws-cn", "amazonaws.com.cn"), "us-gov-": ("aws-us-gov", "amazonaws.com")}


def partition_and_domain(region: str) -> tuple[str, str]:
    """Return the partition of a region, the second field of ARNs, and the DNS domain of its services."""
    matches = (value for prefix, value in _PARTITIONS.items() if region.startswith(prefix))
    return next(matches, ("aws", "amazonaws.com"))


class AwsImageRegistrySettings(Section):
    """A private registry of Amazon ECR."""

    account: Account
    """ID of the AWS account that has the registry, 12 digits in quotes."""
    region: Region
    """Region of the registry, such as `eu-central-1`."""
    pull_through: tuple[PullThrough, ...] = ()
    """Repository prefixes of pull through cache rules; nodes may add images of their upstream registries."""

    @property
    def host(self) -> str:
        """Return the host name of the registry in the names of images."""
        _, domain = partition_and_domain(self.region)
        return f"{self.account}.dkr.ecr.{self.region}.{domain}"


class AwsNetworkSettings(Section):
    """The VPC: a new VPC with `range`, or an existing VPC with its subnets."""

    range: Network
    """IPv4 range of the VPC; a new VPC needs a /16 to a /22."""
    nat: Literal["one", "per-zone"] = "per-zone"
    """Number of NAT gateways: `one` is cheaper; `per-zone` keeps other zones connected when a zone fails."""
    flow_logs: bool = True
    """Log accepted and rejected connections of the VPC (VPC Flow Logs)."""
    vpc: NonEmpty | None = None
    """ID of an existing VPC; without it a VPC is created."""
    private: dict[NonEmpty, SubnetSettings] = Field(default_factory=dict)
    """Private subnets of an existing VPC, by zone; each zone of `aws.zones` needs a subnet."""
    public: dict[NonEmpty, SubnetSettings] = Field(default_factory=dict)
    """Public subnets of an existing VPC, by zone; required for a public endpoint."""


class AwsEndpointSettings(Section):
    """The load balancer in front of the API servers."""

    public: bool = False
    """Add a load balancer that the networks in `network.api_allowed` reach over the internet."""
    zone: str = ""
    """ID of the hosted zone for a DNS record of the endpoint; empty: no record."""


class AwsImageSettings(Section):
    """The image of machines: an image ID, or an owner and a name pattern (the newest match is used)."""

    id: NonEmpty | None = None
    """ID of the image (AMI)."""
    owner: NonEmpty | None = None
    """Account ID of the image's owner; required with `name`."""
    name: NonEmpty | None = None
    """Pattern of the image's name, such as `debian-13-amd64-*`; the newest match is used."""

    @property
    def is_given(self) -> bool:
        """Return whether the settings describe an image."""
        return any((self.id, self.owner, self.name))


class AwsEndpoints(Endpoints):
    """URLs of AWS services; empty: the public URLs of the region."""

    s3: ServiceUrl = ""
    """URL of S3."""
    ec2: ServiceUrl = ""
    """URL of EC2."""
    autoscaling: ServiceUrl = ""
    """URL of EC2 Auto Scaling."""
    ecr: ServiceUrl = ""
    """URL of the API of ECR, for registries of `aws.image_registries` in the region of the cluster."""
    metadata: MetadataUrl = ""
    """URL of the instance metadata service."""
    copies: ServiceUrl = ""
    """URL of S3 in the region of `aws.snapshot_copies`."""


class AwsSnapshotCopySettings(SnapshotCopySettings):
    """A bucket in another region, to which etcd members copy their snapshots."""

    region: Region
    """Region of the bucket, such as `eu-west-1`; not the region of the cluster."""


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
    """A cluster on AWS. `aws.ssh_key` is the name of a key pair in the region."""

    MIN_PREFIX: ClassVar[int] = 16
    RESERVED_TAGS: ClassVar[tuple[str, ...]] = ("aws:",)
    DISK_CLASS: ClassVar[str] = "gp3"

    account: Account | None = None
    """ID of the AWS account, 12 digits in quotes; Kubewright refuses credentials of any other account."""
    region: Region
    """Region of the cluster, such as `eu-central-1`."""
    zones: Zones = 3
    """Names or number of availability zones; with three zones etcd keeps its quorum if a zone fails."""
    network: AwsNetworkSettings
    """The VPC of the cluster."""
    endpoint: AwsEndpointSettings = AwsEndpointSettings()
    """The load balancer in front of the API servers."""
    image: AwsImageSettings = AwsImageSettings()
    """The image of amd64 machines: either `id`, or `owner` and `name`."""
    image_arm64: AwsImageSettings = AwsImageSettings()
    """The image of arm64 machines (Graviton), such as `debian-13-arm64-*` of the same owner."""
    endpoints: AwsEndpoints = AwsEndpoints()
    """Private endpoints of AWS services."""
    disk_key: DiskKey = ""
    """ARN of a customer-managed KMS key for all disks, set before the first `up`; empty: the account's
    default key.
    """
    delete_volumes: bool | None = None
    """Delete the volumes of pods in `down`; default: yes, except in production."""
    permissions_boundary: Boundary = ""
    """ARN of an IAM policy that limits all roles of the stack (permissions boundary); empty: no limit."""
    snapshot_copies: AwsSnapshotCopySettings | None = None
    """Copies of etcd's snapshots in another region; default: none."""
    image_registries: tuple[AwsImageRegistrySettings, ...] = ()
    """Registries of ECR from which nodes pull images with the role of their machine."""
    quotas: AwsQuotaSettings = AwsQuotaSettings()
    """Quotas of the account, checked before machines are created."""
    file_storage: AwsFileStorageSettings | None = None
    """Volumes in Amazon EFS, which many nodes mount at the same time; default: none."""
    pod_identities: AwsPodIdentitySettings | None = None
    """IAM roles for pods; default: pods have no IAM roles."""

    @property
    def range(self) -> IPv4Network:
        """Return the range of the VPC."""
        return self.network.range

    @property
    def zone_count(self) -> int:
        """Return the number of zones for machines."""
        return self.zones if isinstance(self.zones, int) else len(self.zones)

    @property
    def zone_names(self) -> tuple[str, ...]:
        """Return the names of the zones; empty if AWS chooses the zones."""
        return () if isinstance(self.zones, int) else self.zones

    @property
    def has_existing_subnets(self) -> bool:
        """Check whether the settings name existing subnets of a VPC."""
        return self.network.vpc is not None

    @property
    def has_public_endpoint(self) -> bool:
        """Check whether the API is reachable from the internet."""
        return self.endpoint.public

    @property
    def member_ranges(self) -> tuple[IPv4Network, ...]:
        """Return the range of the private subnet in each zone."""
        if self.network.vpc and not isinstance(self.zones, int):
            return tuple(self.network.private[zone].range for zone in self.zones)
        return tuple(zone.private for zone in split_into_zones(self.range, self.zone_count))

    @property
    def pool_ranges(self) -> tuple[IPv4Network, ...]:
        """Return the range of the private subnet in each zone; members and pools share the subnets."""
        return self.member_ranges

    @property
    def node_domains(self) -> tuple[str, ...]:
        """Return the DNS domain of the machines' private names.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
        """
        return ("ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal",)

    def architecture(self, machine_type: str) -> str:
        """Return the architecture of a machine type by its name. Names of other forms count as amd64."""
        return ARM64 if _ARM64_TYPE.match(machine_type) else AMD64

    def credential_provider(self) -> CredentialProvider | None:
        """Return the credential provider of Amazon ECR. Its variables are those of AWS's SDK.

        https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
        """
        if not self.image_registries:
            return None
        variables = {
            "AWS_ENDPOINT_URL_ECR": self.endpoints.ecr,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.endpoints.metadata,
        }
        return CredentialProvider(
            program="ecr-credential-provider",
            images=tuple(registry.host for registry in self.image_registries),
            environment=tuple((name, value) for name, value in variables.items() if value),
            # The SDK uses this authority instead of the authorities of the system.
            authority_variable="AWS_CA_BUNDLE" if self.endpoints.ecr else "",
        )

    @property
    def authority_file(self) -> str | None:
        """Return the PEM file of the certificate authority for the private `endpoints`."""
        return self.endpoints.ca_file

    @property
    def has_snapshot_copies(self) -> bool:
        """Check whether etcd members copy their snapshots to another region."""
        return self.snapshot_copies is not None

    @property
    def issuer_store(self) -> str:
        """Return the bucket of the issuer of service account tokens; empty without IAM roles for pods."""
        return self.pod_identities.issuer_bucket if self.pod_identities else ""

    @property
    def token_issuer(self) -> str | None:
        """Return the URL of the issuer of service account tokens: the bucket as a virtual host."""
        _, domain = partition_and_domain(self.region)
        return f"https://{self.issuer_store}.s3.{self.region}.{domain}" if self.issuer_store else None

    @property
    def pod_identity_sections(self) -> Mapping[str, PodIdentitySettings]:
        """Return the IAM roles for pods by their paths in the section."""
        roles = self.pod_identities.roles if self.pod_identities else {}
        return {f"pod_identities.roles.{name}": role for name, role in roles.items()}
