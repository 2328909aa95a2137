"""What each role of machine may do on AWS, as a table. The add-ons' rights are in `addon_rights`. Pure."""

from __future__ import annotations

from providers.aws.names import CLUSTER_TAG, KIND_TAG, identity_part
from providers.aws.policies import ANYTHING, Condition, Statement
from providers.cloud.machine_config import POOLS

EC2 = "arn:{partition}:ec2:{region}:{account}"
SNAPSHOTS = "arn:{partition}:ec2:{region}::snapshot/*"
_GROUP = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{cluster}-"
GROUPS = f"{_GROUP}*"
DESCRIBING = "IAM knows no resources for describing"

OURS = Condition("StringEquals", f"aws:ResourceTag/{CLUSTER_TAG}", ("{cluster}",))


def machine(prefix: str, *, volume: bool) -> tuple[Statement, ...]:
    """Any machine with that prefix in the store: its bundles, its status, its end, its kind's volumes."""
    return (
        Statement("Bundles", ("s3:GetObject",), (f"{{bucket}}/{prefix}/*",)),
        Statement("Status", ("s3:PutObject",), (f"{{bucket}}/status/{prefix}/*",)),
        # S3 names the object to KMS (without bucket keys), so that the key opens nobody else's either.
        Statement("BundlesKey", ("kms:Decrypt",), ("{key}",), _through_s3(f"{prefix}/*")),
        Statement("StatusKey", ("kms:GenerateDataKey",), ("{key}",), _through_s3(f"status/{prefix}/*")),
        Statement(
            "Leave",
            ("autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"),
            (f"{_GROUP}{identity_part(prefix)}" if prefix.startswith(f"{POOLS}/") else GROUPS,),
            (OURS,),
        ),
        *SESSIONS,
        *(_volume(prefix) if volume else ()),
    )


def _through_s3(objects: str) -> tuple[Condition, ...]:
    return (
        Condition("StringEquals", "kms:ViaService", ("s3.{region}.{domain}",)),
        Condition("StringLike", "kms:EncryptionContext:aws:s3:arn", (f"{{bucket}}/{objects}",)),
    )


def _volume(kind: str) -> tuple[Statement, ...]:
    """A member attaches its volume by itself. (The tag tells kinds apart, the id is in its user data.)"""
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


# Session Manager, without the managed policy's right to read all of the account's parameters ("Add Session
# Manager permissions to an existing IAM role" in the Systems Manager user guide).
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
        because="IAM knows no resources for channels of sessions",
    ),
)

SNAPSHOT_MAKER = (
    Statement(
        "SeeVolumes",
        ("ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"),
        (ANYTHING,),
        because=DESCRIBING,
    ),
    Statement("SnapshotVolumes", ("ec2:CreateSnapshot",), (f"{EC2}:volume/*",), (OURS,)),
    Statement("MakeSnapshots", ("ec2:CreateSnapshot", "ec2:CreateTags"), (SNAPSHOTS,)),
    # They have their volumes' tags.
    Statement("DropSnapshots", ("ec2:DeleteSnapshot",), (SNAPSHOTS,), (OURS,)),
)
"""The Data Lifecycle Manager's, for the members' volumes."""
