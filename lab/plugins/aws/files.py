"""Resource types of EFS: file systems, their policies, and mount targets."""

from __future__ import annotations

import uuid

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, poll_until
from lab.plugins.aws.parameters import tag_list
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.values import Properties

_MOUNT_TARGET_SECONDS = 60.0


class FileSystem(ResourceKind):
    """A file system. EFS finds a repeated request by its creation token."""

    in_place = ("tags", "throughputMode")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the file system."""
        with_token = {"creationToken": uuid.uuid4().hex, **inputs}
        return str(account.create("efs", "CreateFileSystem", with_token)["FileSystemId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN and the name that nodes resolve."""
        found = account.call("efs", "DescribeFileSystems", FileSystemId=identity)["FileSystems"]
        if not found:
            raise Missing(f"{identity}: not found")
        name = f"{identity}.efs.{account.region}.amazonaws.com"
        return {"arn": found[0]["FileSystemArn"], "dnsName": name}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags or the throughput mode."""
        if "throughputMode" in changed:
            mode = inputs["throughputMode"]
            account.call("efs", "UpdateFileSystem", FileSystemId=identity, ThroughputMode=mode)
        if "tags" in changed:
            self._replace_tags(account, identity, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the file system. EFS refuses it while mount targets exist."""
        account.call("efs", "DeleteFileSystem", FileSystemId=identity)

    def _replace_tags(self, account: Account, identity: str, inputs: Properties) -> None:
        tags = inputs.get("tags") or {}
        present = account.call("efs", "ListTagsForResource", ResourceId=identity)["Tags"]
        if obsolete := sorted({tag["Key"] for tag in present} - set(tags)):
            account.call("efs", "UntagResource", ResourceId=identity, TagKeys=obsolete)
        account.call("efs", "TagResource", ResourceId=identity, Tags=tag_list(tags))


class FileSystemPolicy(ResourceKind):
    """The policy of a file system. Its id is that of the file system."""

    in_place = ("policy",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Write the policy."""
        account.create("efs", "PutFileSystemPolicy", inputs)
        return str(inputs["fileSystemId"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return no outputs. Raise Missing for a file system without a policy."""
        account.call("efs", "DescribeFileSystemPolicy", FileSystemId=identity)
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Replace the policy."""
        return self.create(account, inputs)

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the policy."""
        account.call("efs", "DeleteFileSystemPolicy", FileSystemId=identity)


class MountTarget(ResourceKind):
    """A mount target of a file system in a subnet."""

    in_place = ("securityGroups",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the mount target and wait until nodes can use it."""
        created = account.create("efs", "CreateMountTarget", inputs)
        identity = str(created["MountTargetId"])
        poll_until(
            lambda: self._find(account, identity)["LifeCycleState"] == "available",
            f"{identity}: not available",
            _MOUNT_TARGET_SECONDS,
        )
        return identity

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the address and the zone."""
        found = self._find(account, identity)
        return {"ipAddress": found["IpAddress"], "availabilityZoneName": found["AvailabilityZoneName"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the security groups."""
        groups = list(inputs.get("securityGroups") or [])
        account.call("efs", "ModifyMountTargetSecurityGroups", MountTargetId=identity, SecurityGroups=groups)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the mount target."""
        account.call("efs", "DeleteMountTarget", MountTargetId=identity)

    def _find(self, account: Account, identity: str) -> Properties:
        found = account.call("efs", "DescribeMountTargets", MountTargetId=identity)["MountTargets"]
        if not found:
            raise Missing(f"{identity}: not found")
        return dict(found[0])
