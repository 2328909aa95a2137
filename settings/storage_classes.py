"""Settings that the StorageClasses of all kinds of volumes share [H3]."""

from __future__ import annotations

from settings.base import Section
from settings.types import Subdomain
from topology.storage import BindingMode, ReclaimPolicy


class StorageClassSettings(Section):
    """A StorageClass."""

    class_name: Subdomain
    """Name of the StorageClass."""
    default_class: bool = False
    """Use the class for claims that name no class. A cluster has at most one default class; in clouds, the
    class of the cloud's disks.
    """
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.DELETE
    """What happens to a volume when its claim is deleted: `Delete` removes the volume with its data, `Retain`
    keeps both.
    """
    binding_mode: BindingMode = BindingMode.WAIT_FOR_FIRST_CONSUMER
    """When a claim gets its volume: `WaitForFirstConsumer`, when a pod uses the claim, or `Immediate`."""
