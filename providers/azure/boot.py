"""Boot programs of machines on Azure: values for the variables of `boot.sh` in this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pulumi import Output

from providers.azure.members import LUN
from providers.azure.names import Names, container_name, status_container_name
from providers.cloud.boot import METADATA, boot_program, longest_program
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig
from settings.azure import AzureEndpoints
from topology.model import Topology
from topology.ports import CLOUD_NODE_HEALTH_PORT

STORAGE_AUDIENCE = "https://storage.azure.com/"
"""The resource that tokens for storage accounts are for, in every cloud of Azure."""
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_CLOUD_PARTS = (Path(__file__).with_name("boot.sh"),)


@dataclass(frozen=True)
class BootPrograms:
    """Boot programs (custom data) of one cluster.

    `files` are the texts of files that settings name, by path. A machine that is not healthy for
    `repair_seconds` is repaired; 0: never.
    """

    names: Names
    endpoints: AzureEndpoints
    topology: Topology
    files: Mapping[str, str]
    repair_seconds: int = 0

    def program(self, config: MachineConfig, *, name: str = "", address: str = "") -> Output[str]:
        """Return the boot program of a machine config. `name` and `address` are set for members only."""
        return boot_program(
            config,
            _CLOUD_PARTS,
            self._program_variables(config.kind, config.name),
            name=name,
            address=address,
            volume=str(LUN) if name else "",
            ca=self._endpoint_ca,
            repair_seconds=self.repair_seconds,
            versioned=True,
        )

    def longest_program(self, kind: str, name: str) -> str:
        """Return the longest boot program that a machine config can have.

        Values that are known only after the creation of resources have their maximum length. `kind` and
        `name` identify the machine config.
        """
        variables = self._program_variables(kind, name)
        return longest_program(_CLOUD_PARTS, name, kind, variables, volume=str(LUN), ca=self._endpoint_ca)

    def read_url(self, kind: str, name: str) -> str:
        """Return the URL of the blob container that the machines of a machine config read."""
        return f"{self.store_url}/{container_name(kind, name)}"

    def status_url(self, kind: str, name: str) -> str:
        """Return the URL of the blob container to which the machines of a machine config write statuses."""
        return f"{self.store_url}/{status_container_name(kind, name)}"

    def _program_variables(self, kind: str, name: str) -> dict[str, str]:
        return {
            "STORE": self.store_url,
            "CONTAINER": container_name(kind, name),
            "IDENTITY": quote(
                self.names.id(_IDENTITY, self.names.identity(container_name(kind, name))), safe=""
            ),
            "STORAGE": quote(STORAGE_AUDIENCE, safe=""),
            "METADATA": (self.endpoints.metadata or METADATA).rstrip("/"),
            "PODS": str(self.topology.network.pods),
            "HEALTH": str(CLOUD_NODE_HEALTH_PORT) if kind == POOLS else "",
            "ENDPOINT": self.topology.endpoint.host if kind == CONTROL_PLANES else "",
        }

    @property
    def store_url(self) -> str:
        """The URL of the store: of the storage account, or `azure.endpoints.blob`."""
        default = f"https://{self.names.storage_account}.blob.{self.names.environment.storage}"
        return (self.endpoints.blob or default).rstrip("/")

    @property
    def _endpoint_ca(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
