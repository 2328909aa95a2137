"""User data of machines on AWS: the variables of the cloud's part of the boot program (`boot.sh`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi import Input, Output

from providers.cloud.boot import METADATA, boot_program, longest_program
from providers.cloud.machine_config import MachineConfig
from settings.aws import AwsEndpoints

_CLOUD_PART = Path(__file__).with_name("boot.sh")


@dataclass(frozen=True)
class Boot:
    """User data for one region. `files` are the texts of the files that settings name, by path."""

    region: str
    domain: str
    endpoints: AwsEndpoints
    files: Mapping[str, str]

    def program(
        self,
        config: MachineConfig,
        bucket: Output[str],
        group: str,
        *,
        name: str = "",
        address: str = "",
        volume: Input[str] = "",
    ) -> Output[str]:
        """Return the boot program. `group` is the Auto Scaling group; the other arguments are for members."""
        variables: dict[str, Input[str]] = {
            **self._service_urls(),
            "STORE": bucket.apply(self.store),
            "GROUP": group,
        }
        return boot_program(
            config,
            _CLOUD_PART,
            variables,
            name=name,
            address=address,
            volume=volume,
            ca=self._endpoint_ca,
        )

    def store(self, bucket: str) -> str:
        """Return the URL of the bucket: a host name for the bucket, or a path of a private endpoint."""
        private = self.endpoints.s3
        return f"{private}/{bucket}" if private else f"https://{bucket}.s3.{self.region}.{self.domain}"

    def longest_program(self, kind: str, name: str) -> str:
        """Return a boot program with the maximum length, without values known only after creation."""
        variables = {**self._service_urls(), "STORE": self.store("b" * 63), "GROUP": "g" * 96}
        volume = f"vol-{'0' * 17}"
        return longest_program(_CLOUD_PART, name, kind, variables, volume=volume, ca=self._endpoint_ca)

    def _service_urls(self) -> dict[str, str]:
        """Return the region and the URLs of services without a trailing slash."""
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
