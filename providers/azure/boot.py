"""Custom data of machines on Azure: the variables of the cloud's part of the boot program (`boot.sh`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi import Output

from providers.azure.members import LUN
from providers.azure.names import Names, container, status_container
from providers.cloud.boot import METADATA, boot_program, longest_program
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig
from settings.azure import AzureEndpoints
from topology.model import Topology
from topology.ports import CLOUD_NODE_HEALTH_PORT

_CLOUD_PART = Path(__file__).with_name("boot.sh")


@dataclass(frozen=True)
class Boot:
    """Custom data for one cluster. `files` are the texts of the files that settings name, by path."""

    names: Names
    endpoints: AzureEndpoints
    topology: Topology
    files: Mapping[str, str]

    def program(self, config: MachineConfig, *, name: str = "", address: str = "") -> Output[str]:
        """Return the boot program. `name` and `address` are set for members, which have a data disk."""
        return boot_program(
            config,
            _CLOUD_PART,
            self._program_variables(config.kind, config.name),
            name=name,
            address=address,
            volume=str(LUN) if name else "",
            ca=self._endpoint_ca,
        )

    def longest_program(self, kind: str, name: str) -> str:
        """Return a boot program with the maximum length, without values known only after creation."""
        variables = self._program_variables(kind, name)
        return longest_program(_CLOUD_PART, name, kind, variables, volume=str(LUN), ca=self._endpoint_ca)

    def read_url(self, kind: str, name: str) -> str:
        """Return the URL of the container that machines of a config read."""
        return f"{self._store_url}/{container(kind, name)}"

    def status_url(self, kind: str, name: str) -> str:
        """Return the URL of the container for their statuses."""
        return f"{self._store_url}/{status_container(kind, name)}"

    def _program_variables(self, kind: str, name: str) -> dict[str, str]:
        return {
            "STORE": self._store_url,
            "CONTAINER": container(kind, name),
            "METADATA": (self.endpoints.metadata or METADATA).rstrip("/"),
            "PODS": str(self.topology.network.pods),
            "HEALTH": str(CLOUD_NODE_HEALTH_PORT) if kind == POOLS else "",
            "ENDPOINT": self.topology.endpoint.host if kind == CONTROL_PLANES else "",
        }

    @property
    def _store_url(self) -> str:
        return (self.endpoints.blob or f"https://{self.names.account}.blob.core.windows.net").rstrip("/")

    @property
    def _endpoint_ca(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
