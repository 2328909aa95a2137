"""A stack on emulated Azure, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.cloud.azure.group_machines import provider_id
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import Resources
from lab.cloud.running import RunningMachine
from lab.plugins.azure_native.catalogue import KINDS
from providers.azure.requests import container_of
from tests.clouds.azure import EmulatedAzure
from tests.clouds.stack import CloudStack

POOL_SCALE_SET = "general-1"
"""The scale set of the pool."""
_CONTAINER = KINDS["azure-native:storage:BlobContainer"].type


class AzureStack(CloudStack):
    """A stack on emulated Azure."""

    def is_in_pool(self, machine: RunningMachine) -> bool:
        """Check whether a machine belongs to the scale set of the pool."""
        return machine.group == POOL_SCALE_SET

    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of the pool: its host name."""
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
