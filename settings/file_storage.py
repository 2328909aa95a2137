"""Settings of file storage of clouds, which the sections of all clouds share [H3]."""

from __future__ import annotations

from abc import abstractmethod

from settings.storage_drivers import DriverSettings
from topology.storage import BindingMode

NFS_PORT = 2049
SMB_PORT = 445


class FileStorageSettings(DriverSettings):
    """Volumes in the file storage of the cloud, which many nodes mount at the same time (ReadWriteMany)."""

    binding_mode: BindingMode = BindingMode.IMMEDIATE
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""

    @property
    @abstractmethod
    def port(self) -> int:
        """Return the port of the file storage, to which nodes connect."""
