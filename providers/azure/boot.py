"""Boot programs of machines on Azure: values for the variables of `boot.sh` in this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pulumi import Output

from providers.azure.members import LUN
from providers.azure.names import (
    COPIES_CONTAINER,
    JOINS_CONTAINER,
    Names,
    container_name,
    status_container_name,
)
from providers.cloud.boot import COPIES, METADATA, TOKENS, boot_program, longest_program
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig, etcd_kind
from settings.azure import AzureEndpoints
from topology.model import Topology
from topology.ports import CLOUD_NODE_HEALTH_PORT

STORAGE_AUDIENCE = "https://storage.azure.com/"
"""The resource that tokens for storage accounts are for, in every cloud of Azure."""
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_CLOUD_PART = Path(__file__).with_name("boot.sh")
_COPIES_PART = Path(__file__).with_name("boot-copies.sh")
_CONTROL_PLANE_PARTS = tuple(Path(__file__).with_name(name) for name in ("boot_joins.py", "boot-machines.sh"))


@dataclass(frozen=True)
class BootPrograms:
    """Boot programs (custom data) of one cluster.

    `files` are the texts of files that settings name, by path. A machine that is not healthy for
    `repair_seconds` is repaired; 0: never. `copies_location` is the location to which etcd members copy their
    snapshots; empty: none.
    """

    names: Names
    endpoints: AzureEndpoints
    topology: Topology
    files: Mapping[str, str]
    repair_seconds: int = 0
    copies_location: str = ""

    def program(self, config: MachineConfig, *, name: str = "", address: str = "") -> Output[str]:
        """Return the boot program of a machine config. `name` and `address` are set for members only."""
        return boot_program(
            config,
            self._cloud_parts(config.kind),
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
        parts, volume = self._cloud_parts(kind), str(LUN)
        return longest_program(parts, name, kind, variables, volume=volume, ca=self._endpoint_ca)

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
            **({TOKENS: JOINS_CONTAINER} if kind in (POOLS, CONTROL_PLANES) else {}),
            **(self._management_variables() if kind == CONTROL_PLANES else {}),
            **({COPIES: f"{self.copies_url}/{COPIES_CONTAINER}"} if self._copies(kind) else {}),
        }

    def _copies(self, kind: str) -> bool:
        """Check whether machines of a kind copy snapshots to another location."""
        return bool(self.copies_location) and kind == etcd_kind(self.topology)

    def _cloud_parts(self, kind: str) -> tuple[Path, ...]:
        """Return the files with Azure's part of the boot program of a kind of machines."""
        parts = (_CLOUD_PART, *_CONTROL_PLANE_PARTS) if kind == CONTROL_PLANES else (_CLOUD_PART,)
        return (*parts, _COPIES_PART) if self._copies(kind) else parts

    def _management_variables(self) -> dict[str, str]:
        """Return the variables with which control planes ask Azure about new machines of pools."""
        environment = self.names.environment
        return {
            "MANAGEMENT": (self.endpoints.management or environment.management).rstrip("/"),
            "MANAGEMENT_RESOURCE": quote(f"{environment.management}/", safe=""),
            "GROUP": self.names.resource_group_id,
            "DOMAIN": environment.metadata,
        }

    @property
    def store_url(self) -> str:
        """The URL of the store: of the storage account, or `azure.endpoints.blob`."""
        default = f"https://{self.names.storage_account}.blob.{self.names.environment.storage}"
        return (self.endpoints.blob or default).rstrip("/")

    @property
    def copies_url(self) -> str:
        """The URL of the storage account for copies of snapshots."""
        account = self.names.copies_account(self.copies_location)
        default = f"https://{account}.blob.{self.names.environment.storage}"
        return (self.endpoints.copies or default).rstrip("/")

    @property
    def _endpoint_ca(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
