"""IAM statements with the permissions of machines. The permissions of add-ons are in `addon_permissions`."""

from __future__ import annotations

from providers.aws.names import CLUSTER_TAG, KIND_TAG, identity_name
from providers.aws.policies import ANYTHING, Condition, Statement
from providers.cloud.machine_config import POOLS

EC2 = "arn:{partition}:ec2:{region}:{account}"
SNAPSHOTS = "arn:{partition}:ec2:{region}::snapshot/*"
_GROUP = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{cluster}-"
GROUPS = f"{_GROUP}*"
DESCRIBING = "IAM has no resource types for Describe actions"

OURS = Condition("StringEquals", f"aws:ResourceTag/{CLUSTER_TAG}", ("{cluster}",))


def machine(prefix: str, *, volume: bool) -> tuple[Statement, ...]:
    """Return the permissions of machines with a prefix in the store.

    They read bundles, write statuses, complete lifecycle hooks and, with `volume`, attach volumes.
    """
    return (
        Statement("Bundles", ("s3:GetObject",), (f"{{bucket}}/{prefix}/*",)),
        Statement("Status", ("s3:PutObject",), (f"{{bucket}}/status/{prefix}/*",)),
        # Without bucket keys S3 passes the object to KMS, so the condition limits the key to own objects.
        Statement("BundlesKey", ("kms:Decrypt",), ("{key}",), _through_s3(f"{prefix}/*")),
        Statement("StatusKey", ("kms:GenerateDataKey",), ("{key}",), _through_s3(f"status/{prefix}/*")),
        Statement(
            "Leave",
            ("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"),
            (f"{_GROUP}{identity_name(prefix)}" if prefix.startswith(f"{POOLS}/") else GROUPS,),
            (OURS,),
        ),
        *SESSIONS,
        *(_volume_statements(prefix) if volume else ()),
    )


def _through_s3(objects: str) -> tuple[Condition, ...]:
    return (
        Condition("StringEquals", "kms:ViaService", ("s3.{region}.{domain}",)),
        Condition("StringLike", "kms:EncryptionContext:aws:s3:arn", (f"{{bucket}}/{objects}",)),
    )


def _volume_statements(kind: str) -> tuple[Statement, ...]:
    """Return the permissions to attach volumes with this kind tag. The user data has the id of the volume."""
    same_kind = Condition("StringEquals", f"aws:ResourceTag/{KIND_TAG}", (kind,))
    return (
        Statement(
            "AttachVolume",
            ("ec2:AttachVolume",),
            (f"{EC2}:volume/*", f"{EC2}:instance/*"),
            (OURS, same_kind),
        ),
        Statement("SeeVolumes", ("ec2:DescribeVolumes",), (ANYTHING,), because=DESCRIBING),
    )


SESSIONS = (
    Statement("SessionAgent", ("ssm:UpdateInstanceInformation",), (f"{EC2}:instance/*",)),
    Statement(
        "Sessions",
        (
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ),
        (ANYTHING,),
        because="IAM has no resource types for session channels",
    ),
)
"""Session Manager, without the permission of the managed policy to read all parameters of the account ("Add
Session Manager permissions to an existing IAM role" in the Systems Manager user guide)."""

SNAPSHOT_MAKER = (
    Statement(
        "SeeVolumes",
        ("ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"),
        (ANYTHING,),
        because=DESCRIBING,
    ),
    Statement("SnapshotVolumes", ("ec2:CreateSnapshot",), (f"{EC2}:volume/*",), (OURS,)),
    Statement("MakeSnapshots", ("ec2:CreateSnapshot", "ec2:CreateTags"), (SNAPSHOTS,)),
    # Snapshots copy the tags of their volumes.
    Statement("DropSnapshots", ("ec2:DeleteSnapshot",), (SNAPSHOTS,), (OURS,)),
)
"""Permissions of the Data Lifecycle Manager, which snapshots the volumes of members."""
