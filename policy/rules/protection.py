"""What cannot be made again is not deleted by mistake. Of production only."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.encryption import BUCKETS
from policy.rules.model import Resource, ResourceRule, SettingsRule, Stack, yes

_STORAGE = "azure-native:storage:StorageAccount"
_DISKS = ("aws:ebs/volume:Volume", "azure-native:compute:Disk")


def protected(resource: Resource, stack: Stack) -> Iterator[str]:
    """Data volumes are protected in the engine, or leave a snapshot behind when they go."""
    if not stack.production or resource.protect or resource.kind not in _DISKS:
        return
    # AWS takes a snapshot before it deletes such a volume.
    if not yes(resource.inputs.get("finalSnapshot")):
        yield "must have `protect` (or, on AWS, `finalSnapshot: true`): it holds a member's data"


def kept(resource: Resource, stack: Stack) -> Iterator[str]:
    """Stores go with all they hold. What hosts fetch can be made again from the state, so it is a word."""
    if not stack.production or resource.protect:
        return
    if resource.kind in BUCKETS and resource.inputs.get("forceDestroy") is True:
        yield "forceDestroy: without `protect` it is deleted with all it holds"
    elif resource.kind == _STORAGE:
        yield "without `protect` Azure deletes it with all it holds"


def copied(stack: Stack) -> Iterator[str]:
    """Snapshots on the members' own disks go with them. In clouds the volumes have snapshots of their own."""
    if stack.production and not stack.cloud and not stack.copies:
        yield "etcd.snapshots.copy_to: empty, so snapshots are on the members' own disks alone"


RULES = (
    ResourceRule(
        name="protected-data", description="In production, data is protected from deletion.", check=protected
    ),
    ResourceRule(
        name="kept-stores",
        description="In production, stores are not deleted with all they hold.",
        mandatory=False,
        check=kept,
    ),
    SettingsRule(
        name="snapshots-copied",
        description="In production, snapshots of etcd are copied off the members.",
        mandatory=False,
        check=copied,
    ),
)
