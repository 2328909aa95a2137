"""User data of AWS's machines: what their half of the boot program (`boot.sh`) is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi import Input, Output

from providers.cloud.boot import METADATA, longest, user_data
from providers.cloud.machine_config import MachineConfig
from settings.aws import AwsEndpoints

_HALF = Path(__file__).with_name("boot.sh")


@dataclass(frozen=True)
class Boot:
    """Makes user data for one region and its services. `files` are the texts of the settings' files."""

    region: str
    domain: str
    endpoints: AwsEndpoints
    files: Mapping[str, str]

    def program(
        self,
        unit: MachineConfig,
        bucket: Output[str],
        group: str,
        *,
        name: str = "",
        address: str = "",
        volume: Input[str] = "",
    ) -> Output[str]:
        """A unit's program. `group` is its Auto Scaling group; the rest is a member's."""
        variables: dict[str, Input[str]] = {
            **self._services(),
            "STORE": bucket.apply(self.store),
            "GROUP": group,
        }
        return user_data(
            unit,
            _HALF,
            variables,
            name=name,
            address=address,
            volume=volume,
            authority=self._authority,
        )

    def store(self, bucket: str) -> str:
        """The bucket's URL: a host of its own, or a path of a private endpoint."""
        own = self.endpoints.s3
        return f"{own}/{bucket}" if own else f"https://{bucket}.s3.{self.region}.{self.domain}"

    def longest(self, name: str, kind: str) -> str:
        """A program as long as a unit's can be, without anything that is only known once it is made."""
        variables = {**self._services(), "STORE": self.store("b" * 63), "GROUP": "g" * 96}
        volume = f"vol-{'0' * 17}"
        return longest(_HALF, name, kind, variables, volume=volume, authority=self._authority)

    def _services(self) -> dict[str, str]:
        """Where services answer, without the slash that a call begins with."""
        at = self.endpoints
        public = {
            "EC2": at.ec2 or f"https://ec2.{self.region}.{self.domain}",
            "AUTOSCALING": at.autoscaling or f"https://autoscaling.{self.region}.{self.domain}",
            "METADATA": at.metadata or METADATA,
        }
        return {"REGION": self.region, **{key: url.rstrip("/") for key, url in public.items()}}

    @property
    def _authority(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
