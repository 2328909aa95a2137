"""Names and time limits of the cluster of virtual machines."""

from __future__ import annotations

WORKERS = ("w-1", "w-2")
SERVER = "nfs-1"
"""The NFS server, a host of the lab that is not in the cluster."""
NAMESPACE = "databases"
CLAIM = f"{NAMESPACE}/data-db-0"
"""The claim that gets the volume on the NFS server."""
UP_SECONDS = 2400
"""Time of an `up`. The programs of the workers run in emulated processors."""
READY_SECONDS = 600
"""Time until nodes are Ready, and until pods run."""
