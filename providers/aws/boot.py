"""Boot programs of machines on AWS: values for the variables of `boot.sh` in this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pulumi import Input, Output

from providers.aws.names import Names
from providers.aws.permissions import TOKENS_PREFIX
from providers.cloud.boot import COPIES, METADATA, TOKENS, boot_program, longest_program
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig, etcd_kind
from settings.aws import AwsEndpoints, AwsSettings
from settings.types import parse_seconds
from topology.model import Topology
from topology.subnets import MAX_ZONES

_CLOUD_PART = Path(__file__).with_name("boot.sh")
_CONTROL_PLANE_PART = Path(__file__).with_name("boot-machines.sh")
_COPIES_PART = Path(__file__).with_name("boot-copies.sh")
_MAX_GROUP_NAME = 64
"""Maximum length of `<cluster>-pool-<name>-zone-<n>`, which is shorter than the name of a pool's role."""


@dataclass(frozen=True)
class BootPrograms:
    """Boot programs (user data) for one region.

    `files` are the texts of files that settings name, by path. A machine that is not healthy for
    `repair_seconds` is replaced; 0: never. `copies_region` is the region to which machines of the kind
    `copying` copy snapshots of etcd; empty: none.
    """

    region: str
    domain: str
    endpoints: AwsEndpoints
    files: Mapping[str, str]
    repair_seconds: int = 0
    copies_region: str = ""
    copying: str = ""

    @classmethod
    def of(cls, settings: AwsSettings, topology: Topology, files: Mapping[str, str]) -> BootPrograms:
        """Return the boot programs of a cluster."""
        return cls(
            settings.region,
            Names(cluster=topology.name, region=settings.region).domain,
            settings.endpoints,
            files,
            repair_seconds=parse_seconds(settings.repair_after),
            copies_region=settings.snapshot_copies.region if settings.snapshot_copies else "",
            copying=etcd_kind(topology),
        )

    def program(
        self,
        config: MachineConfig,
        bucket: Output[str],
        group: Input[str],
        account: Input[str],
        *,
        name: str = "",
        address: str = "",
        volume: Input[str] = "",
        copies: Output[str] | None = None,
    ) -> Output[str]:
        """Return the boot program of a machine config.

        `bucket` is the name of the store. `group` is the name of the Auto Scaling group or, for a pool, words
        `<zone>=<group>`. `account` is the number of the account. `name`, `address` and the id of the data
        volume are set for members only. `copies` is the bucket for copies of snapshots.
        """
        variables: dict[str, Input[str]] = {
            **self._service_urls(),
            "STORE": bucket.apply(self.store_url),
            "GROUP": group,
        }
        if config.kind in (POOLS, CONTROL_PLANES):
            variables[TOKENS] = Output.from_input(account).apply(self._tokens_prefix)
        if copies is not None and self._copies(config.kind):
            variables |= {COPIES: copies.apply(self._copies_url), "COPIES_REGION": self.copies_region}
        return boot_program(
            config,
            self._cloud_parts(config.kind),
            variables,
            name=name,
            address=address,
            volume=volume,
            ca=self._endpoint_ca,
            repair_seconds=self.repair_seconds,
            versioned=True,
        )

    def store_url(self, bucket: str) -> str:
        """Return the URL of a bucket: a host name that starts with the bucket, or a path below the private S3
        endpoint.
        """
        private = self.endpoints.s3
        return f"{private}/{bucket}" if private else f"https://{bucket}.s3.{self.region}.{self.domain}"

    def longest_program(self, kind: str, name: str) -> str:
        """Return the longest boot program that a machine config can have.

        Values that are known only after the creation of resources have their maximum length. `kind` and
        `name` identify the machine config.
        """
        variables = {
            **self._service_urls(),
            "STORE": self.store_url("b" * 63),
            "GROUP": self._longest_group(kind),
        }
        if kind in (POOLS, CONTROL_PLANES):
            variables[TOKENS] = self._tokens_prefix("0" * 12)
        if self._copies(kind):
            variables |= {COPIES: self._copies_url("b" * 63), "COPIES_REGION": self.copies_region}
        volume = f"vol-{'0' * 17}"
        parts = self._cloud_parts(kind)
        return longest_program(parts, name, kind, variables, volume=volume, ca=self._endpoint_ca)

    def _copies(self, kind: str) -> bool:
        """Check whether machines of a kind copy snapshots to another region."""
        return bool(self.copies_region) and kind == self.copying

    def _copies_url(self, bucket: str) -> str:
        """Return the URL of the bucket for copies of snapshots."""
        private = self.endpoints.copies.rstrip("/")
        return f"{private}/{bucket}" if private else f"https://{bucket}.s3.{self.copies_region}.{self.domain}"

    def _cloud_parts(self, kind: str) -> tuple[Path, ...]:
        """Return the files with AWS's part of the boot program of a kind of machines."""
        parts = (_CLOUD_PART, _CONTROL_PLANE_PART) if kind == CONTROL_PLANES else (_CLOUD_PART,)
        return (*parts, _COPIES_PART) if self._copies(kind) else parts

    def _longest_group(self, kind: str) -> str:
        """Return the longest value of `GROUP`: a name, or the groups of a pool in all zones."""
        name = "g" * _MAX_GROUP_NAME
        zones = [f"{self.region}-lax-1{zone}" for zone in range(MAX_ZONES)]
        return " ".join(f"{zone}={name}" for zone in zones) if kind == POOLS else name

    def _tokens_prefix(self, account: str) -> str:
        """Return the prefix of the tokens of machines in the store, encoded for a URL.

        The keys end with the ARN of the machine. Signatures of S3 require colons to be encoded.
        """
        partition = Names(cluster="", region=self.region).partition
        return quote(f"{TOKENS_PREFIX}/arn:{partition}:ec2:{self.region}:{account}:instance")

    def _service_urls(self) -> dict[str, str]:
        """Return shell variables with the region and the URLs of services, without a trailing slash."""
        endpoints = self.endpoints
        urls = {
            "EC2": endpoints.ec2 or f"https://ec2.{self.region}.{self.domain}",
            "AUTOSCALING": endpoints.autoscaling or f"https://autoscaling.{self.region}.{self.domain}",
            "METADATA": endpoints.metadata or METADATA,
        }
        return {"REGION": self.region, **{key: url.rstrip("/") for key, url in urls.items()}}

    @property
    def _endpoint_ca(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
