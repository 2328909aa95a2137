"""IAM statements with the permissions of machines. The permissions of add-ons are in `addon_permissions`."""

from __future__ import annotations

from collections.abc import Sequence

from providers.aws.names import CLUSTER_TAG, KIND_TAG, identity_name
from providers.aws.policies import ANY_RESOURCE, Condition, Statement
from providers.cloud.artifacts import PREFIX
from providers.cloud.machine_config import CONTROL_PLANES, POOLS
from settings.aws import AwsImageRegistrySettings

EC2_ARN = "arn:{partition}:ec2:{region}:{account}"
SNAPSHOT_ARNS = "arn:{partition}:ec2:{region}::snapshot/*"
_GROUP = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{cluster}-"
SCALING_GROUP_ARNS = f"{_GROUP}*"
"""ARN templates: `policies.policy_document` replaces the words in braces."""
TOKENS_PREFIX = "joins"
"""The prefix in the store of the bootstrap tokens of machines in pools."""
DESCRIBE_REASON = "IAM has no resource types for Describe actions"

CLUSTER_TAGGED = Condition("StringEquals", f"aws:ResourceTag/{CLUSTER_TAG}", ("{cluster}",))
"""The resource has the tag of this cluster."""


def machine_statements(prefix: str, *, volume: bool) -> tuple[Statement, ...]:
    """Return the IAM statements of machines with this prefix in the store.

    These machines read bundles and requests of operations, write statuses and responses, renew and complete
    lifecycle hooks, ask for their replacement and, with `volume`, attach volumes. Machines of pools write
    their bootstrap tokens, which control planes read.
    """
    pool = prefix.startswith(f"{POOLS}/")
    tokens = f"{TOKENS_PREFIX}/*"
    read = (f"{prefix}/*", tokens) if prefix == CONTROL_PLANES else (f"{prefix}/*",)
    status = f"status/{prefix}/*"
    written = (status, tokens) if pool else (status,)
    return (
        Statement("Bundles", ("s3:GetObject",), tuple(f"{{bucket}}/{objects}" for objects in read)),
        Statement("Status", ("s3:PutObject",), (f"{{bucket}}/{status}",)),
        # Without bucket keys S3 passes the object to KMS, so the condition limits the key to own objects.
        Statement("BundlesKey", ("kms:Decrypt",), ("{key}",), _through_s3(*read)),
        Statement("StatusKey", ("kms:GenerateDataKey",), ("{key}",), _through_s3(*written)),
        Statement(
            "Leave",
            (
                "autoscaling:CompleteLifecycleAction",
                "autoscaling:RecordLifecycleActionHeartbeat",
                "autoscaling:SetInstanceHealth",
            ),
            _group_arns(prefix),
            (CLUSTER_TAGGED,),
        ),
        *SESSIONS,
        *(_volume_statements(prefix) if volume else ()),
        *((OWN_TOKEN,) if pool else ()),
        *((NEW_MACHINES,) if prefix == CONTROL_PLANES else ()),
    )


def _group_arns(prefix: str) -> tuple[str, ...]:
    """Return the ARNs of the groups of machines with this prefix: those of the pool, or of all members."""
    if not prefix.startswith(f"{POOLS}/"):
        return (SCALING_GROUP_ARNS,)
    group = f"{_GROUP}{identity_name(prefix)}"
    return (group, f"{group}-zone-*")


def _through_s3(*objects: str) -> tuple[Condition, ...]:
    arns = tuple(f"{{bucket}}/{item}" for item in objects)
    return (
        Condition("StringEquals", "kms:ViaService", ("s3.{region}.{domain}",)),
        Condition("StringLike", "kms:EncryptionContext:aws:s3:arn", arns),
    )


ARTIFACTS = (
    Statement("Artifacts", ("s3:GetObject",), (f"{{bucket}}/{PREFIX}/*",)),
    Statement("ArtifactsKey", ("kms:Decrypt",), ("{key}",), _through_s3(f"{PREFIX}/*")),
)
"""Permissions of machines that fetch files from the store (`artifacts.store: own`)."""


COPIES = (
    Statement("Copies", ("s3:PutObject",), ("{copies}/*",)),
    Statement(
        "CopiesKey",
        ("kms:GenerateDataKey",),
        ("{copies_key}",),
        (
            Condition("StringEquals", "kms:ViaService", ("s3.{copies_region}.{domain}",)),
            Condition("StringLike", "kms:EncryptionContext:aws:s3:arn", ("{copies}/*",)),
        ),
    ),
)
"""Permissions of etcd members that copy their snapshots to a bucket in another region. They can neither read
nor delete copies.
"""


# IAM replaces the policy variable with the ARN of the machine that got the credentials, so that a machine
# cannot write the token of another machine ("Policy variables" in the user guide of IAM).
OWN_TOKEN = Statement(
    "Token", ("s3:PutObject",), (f"{{bucket}}/{TOKENS_PREFIX}/${{{{ec2:SourceInstanceARN}}}}",)
)
"""The permission of a machine in a pool to write its bootstrap token
(docs/decisions/0030-tokens-of-machines-in-pools.md)."""

NEW_MACHINES = Statement(
    "NewMachines", ("ec2:DescribeInstances",), (ANY_RESOURCE,), wildcard_reason=DESCRIBE_REASON
)
"""The permission of control planes to find new machines of pools, whose bootstrap tokens they register."""


def _volume_statements(kind: str) -> tuple[Statement, ...]:
    """Return the statements that allow a machine to attach volumes whose tag `kubewright:kind` is `kind`.

    A machine learns the id of its volume from its user data.
    """
    same_kind = Condition("StringEquals", f"aws:ResourceTag/{KIND_TAG}", (kind,))
    return (
        Statement(
            "AttachVolume",
            ("ec2:AttachVolume",),
            (f"{EC2_ARN}:volume/*", f"{EC2_ARN}:instance/*"),
            (CLUSTER_TAGGED, same_kind),
        ),
    )


def disk_key_statements(key: str) -> tuple[Statement, ...]:
    """Return the statements that allow machines to attach and create volumes with the KMS key `key` (an ARN).

    The source is "How Amazon EBS encryption works" in the EBS user guide. EC2 uses the key for the machine.
    """
    through_ec2 = Condition("StringEquals", "kms:ViaService", ("ec2.{region}.{domain}",))
    return (
        Statement(
            "DiskKey",
            (
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ),
            (key,),
            (through_ec2,),
        ),
        Statement(
            "DiskKeyGrant",
            ("kms:CreateGrant",),
            (key,),
            (through_ec2, Condition("Bool", "kms:GrantIsForAWSResource", ("true",))),
        ),
    )


def image_statements(registries: Sequence[AwsImageRegistrySettings]) -> tuple[Statement, ...]:
    """Return the statements that allow machines to pull images from registries of ECR.

    The sources are the managed policy AmazonEC2ContainerRegistryPullOnly, and "IAM permissions required to
    sync an upstream registry" in the user guide of ECR.
    """
    arns = [f"arn:{{partition}}:ecr:{item.region}:{item.account}:repository" for item in registries]
    cached = [
        f"{arn}/{prefix}/*"
        for arn, item in zip(arns, registries, strict=True)
        for prefix in item.pull_through
    ]
    statements = (
        Statement(
            "ImageToken",
            ("ecr:GetAuthorizationToken",),
            (ANY_RESOURCE,),
            wildcard_reason="a token of ECR belongs to no repository",
        ),
        Statement(
            "Images",
            ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            tuple(f"{arn}/*" for arn in arns),
        ),
    )
    if not cached:
        return statements
    actions = ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")
    return (*statements, Statement("CachedImages", actions, tuple(cached)))


SESSIONS = (
    Statement("SessionAgent", ("ssm:UpdateInstanceInformation",), (f"{EC2_ARN}:instance/*",)),
    Statement(
        "Sessions",
        (
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ),
        (ANY_RESOURCE,),
        wildcard_reason="IAM has no resource types for session channels",
    ),
)
"""Session Manager, without the permission of the managed policy to read all parameters of the account ("Add
Session Manager permissions to an existing IAM role" in the Systems Manager user guide)."""

LIFECYCLE_MANAGER = (
    Statement(
        "SeeVolumes",
        ("ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"),
        (ANY_RESOURCE,),
        wildcard_reason=DESCRIBE_REASON,
    ),
    Statement("SnapshotVolumes", ("ec2:CreateSnapshot",), (f"{EC2_ARN}:volume/*",), (CLUSTER_TAGGED,)),
    Statement("MakeSnapshots", ("ec2:CreateSnapshot", "ec2:CreateTags"), (SNAPSHOT_ARNS,)),
    # Snapshots copy the tags of their volumes.
    Statement("DropSnapshots", ("ec2:DeleteSnapshot",), (SNAPSHOT_ARNS,), (CLUSTER_TAGGED,)),
)
"""Permissions of the Data Lifecycle Manager, which snapshots the volumes of members."""
