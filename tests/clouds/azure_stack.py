"""A stack on emulated Azure, for tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from lab import lifecycle
from lab.cloud.azure.deployer import environment_variables
from lab.cloud.azure.group_machines import provider_id
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import SCALE_SET, Resource, Resources
from lab.cloud.azure.scale_set_api import capacity_of
from lab.cloud.running import RunningMachine
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.subscription import Subscription
from providers.azure.requests import container_of
from tests.clouds.azure import EmulatedAzure
from tests.clouds.stack import POOL, CloudStack

_CONTAINER = KINDS["azure-native:storage:BlobContainer"].type
_VERSION = KINDS["azure-native:compute:VirtualMachineScaleSet"].version


class AzureStack(CloudStack):
    """A stack on emulated Azure."""

    def pool_of(self, machine: RunningMachine) -> str:
        """Return the name of the pool of a machine; empty for a member."""
        return machine.group.rpartition("-")[0]

    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of a pool: its host name."""
        return machine.hostname

    def provider_id(self, machine: RunningMachine) -> str:
        """Return the provider ID of a machine."""
        return provider_id(machine)

    def stored_keys(self) -> set[str]:
        """Return the keys of all blobs. The emulation keeps no versions of deleted blobs."""
        containers = [container.name for container in Resources.of(self.name).of_type(_CONTAINER)]
        return {key for name in containers for key in EmulatedAzure(self.name).keys(name)}

    @contextmanager
    def hidden(self, key: str) -> Iterator[None]:
        """Hide a blob during a block."""
        azure, path = EmulatedAzure(self.name), f"{container_of(key)}/{key}"
        content = azure.get(path)
        azure.delete(path)
        try:
            yield
        finally:
            azure.put(path, content)

    def replace_machine(self, node: str) -> None:
        """End the machine of a node, which the scale set replaces."""
        self.lose(node)

    def remaining_resources(self) -> list[str]:
        """Return what the subscription still has of the stack."""
        return remaining_resources(self.name)

    def scale_sets(self, pool: str = POOL) -> dict[str, Resource]:
        """Return the scale sets of a pool, one in each zone, by name."""
        found = {resource.name: resource for resource in Resources.of(self.name).of_type(SCALE_SET)}
        return {name: resource for name, resource in found.items() if name.rpartition("-")[0] == pool}

    def call(self, method: str, id: str, body: Mapping[str, Any] | None = None) -> None:
        """Call the management API of virtual machines and scale sets, as the deployer."""
        Subscription(id.split("/")[2], environment_variables(self.name)).call(method, id, _VERSION, body)

    def group_sizes(self, pool: str = POOL) -> dict[str, int]:
        """Return the capacities of the scale sets of a pool, by name."""
        return {name: capacity_of(resource) for name, resource in self.scale_sets(pool).items()}

    def group_limits(self, pool: str = POOL) -> dict[str, tuple[int, int]]:
        """Return the minimum and maximum sizes in the tags of the scale sets of a pool, by name."""
        tags = {name: resource.body["tags"] for name, resource in self.scale_sets(pool).items()}
        return {name: (int(each["min"]), int(each["max"])) for name, each in tags.items()}

    def set_group_size(self, group: str, size: int) -> None:
        """Set the capacity of a scale set, by the call of the cluster autoscaler."""
        id = self.scale_sets(group.rpartition("-")[0])[group].id
        self.call("PATCH", id, {"sku": {"capacity": size}})

    def interrupt(self, node: str) -> None:
        """Announce that Azure evicts the spot machine of a node."""
        self.call("POST", f"{self.all_machines()[node].id}/simulateEviction")

    def restore_power(self, lost: Sequence[RunningMachine]) -> None:
        """Start the virtual machines of members. Scale sets create other instances."""
        for machine in lost:
            if not self.pool_of(machine):
                lifecycle.start(self.name, machine.host)
