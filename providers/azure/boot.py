"""Custom data of Azure's machines: what their half of the boot program (`boot.sh`) is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi import Output

from providers.azure.members import LUN
from providers.azure.names import Names, container, status_container
from providers.azure.pools import HEALTH_PORT
from providers.cloud.boot import METADATA, longest, user_data
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig
from settings.azure import AzureEndpoints
from topology.model import Topology

_HALF = Path(__file__).with_name("boot.sh")


@dataclass(frozen=True)
class Boot:
    """Makes custom data for one cluster. `files` are the texts of the settings' files."""

    names: Names
    endpoints: AzureEndpoints
    topology: Topology
    files: Mapping[str, str]

    def program(self, unit: MachineConfig, *, name: str = "", address: str = "") -> Output[str]:
        """A unit's program; with a name and an address it is a member's, which has a data disk."""
        return user_data(
            unit,
            _HALF,
            self._variables(unit.kind, unit.name),
            name=name,
            address=address,
            volume=str(LUN) if name else "",
            authority=self._authority,
        )

    def longest(self, name: str, kind: str) -> str:
        """A program as long as a unit's can be, without anything that is only known once it is made."""
        variables = self._variables(kind, name)
        return longest(_HALF, name, kind, variables, volume=str(LUN), authority=self._authority)

    def reads(self, kind: str, unit: str) -> str:
        """The URL of the container that a unit's machines read."""
        return f"{self._store}/{container(kind, unit)}"

    def writes(self, kind: str, unit: str) -> str:
        """The URL of the container in which they say how they are."""
        return f"{self._store}/{status_container(kind, unit)}"

    def _variables(self, kind: str, unit: str) -> dict[str, str]:
        return {
            "STORE": self._store,
            "CONTAINER": container(kind, unit),
            "METADATA": (self.endpoints.metadata or METADATA).rstrip("/"),
            "PODS": str(self.topology.network.pods),
            "HEALTH": str(HEALTH_PORT) if kind == POOLS else "",
            "ENDPOINT": self.topology.endpoint.host if kind == CONTROL_PLANES else "",
        }

    @property
    def _store(self) -> str:
        return (self.endpoints.blob or f"https://{self.names.account}.blob.core.windows.net").rstrip("/")

    @property
    def _authority(self) -> str:
        return self.files[self.endpoints.ca_file] if self.endpoints.ca_file else ""
