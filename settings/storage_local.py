"""Settings of volumes on the disks of nodes: directories that are provisioned dynamically [H3]."""

from __future__ import annotations

from pydantic import Field

from settings.storage_classes import StorageClassSettings
from settings.types import HostPath, Name, Subdomain
from topology.storage import VOLUMES


class LocalStorageSettings(StorageClassSettings):
    """Volumes that are directories on the disks of nodes, provisioned dynamically by local-path-provisioner.
    A pod with such a volume runs only on the node that has the data.
    """

    class_name: Subdomain = "local"
    """Name of the StorageClass."""
    paths: tuple[HostPath, ...] = (VOLUMES,)
    """Directories for volumes on nodes that `hosts` and `pools` do not name; each volume gets a random
    directory of these. Empty: these nodes have no volumes.
    """
    pools: dict[Name, tuple[HostPath, ...]] = Field(default_factory=dict)
    """Directories on the nodes of a pool, by its name, or `control-plane`; only on bare metal."""
    hosts: dict[Name, tuple[HostPath, ...]] = Field(default_factory=dict)
    """Directories on single nodes, by the name of the host; before `pools`."""
