"""What cannot be made again is not deleted by mistake. Of production only."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.encryption import BUCKETS
from policy.rules.model import Resource, ResourceRule, SettingsRule, Stack, yes

_STORAGE = "azure-native:storage:StorageAccount"
_DISKS = ("aws:ebs/volume:Volume", "azure-native:compute:Disk")


def protected(resource: Resource, stack: Stack) -> Iterator[str]:
    """Data volumes and stores are protected in the engine, or leave something behind when they go."""
    if not stack.production or resource.protect:
        return
    if resource.kind in _DISKS:
        # AWS takes a snapshot before it deletes such a volume.
        if not yes(resource.inputs.get("finalSnapshot")):
            yield "must have `protect` (or, on AWS, `finalSnapshot: true`): it holds a member's data"
    elif resource.kind in BUCKETS and resource.inputs.get("forceDestroy") is True:
        yield "forceDestroy: must not be true without `protect`: it would be deleted with all it holds"
    elif resource.kind == _STORAGE:
        yield "must have `protect`: Azure deletes it with all it holds"


def copied(stack: Stack) -> Iterator[str]:
    """Snapshots on the members' own disks go with them. In clouds the volumes have snapshots of their own."""
    if stack.production and not stack.cloud and not stack.copies:
        yield "etcd.snapshots.copy_to: empty, so snapshots are on the members' own disks alone"


RULES = (
    ResourceRule(
        name="protected-data", description="In production, data is protected from deletion.", check=protected
    ),
    SettingsRule(
        name="snapshots-copied",
        description="In production, snapshots of etcd are copied off the members.",
        mandatory=False,
        check=copied,
    ),
)
