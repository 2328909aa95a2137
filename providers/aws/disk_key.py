"""The KMS key of disks: a grant with which Auto Scaling can start machines whose disks use the key."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Output, Resource, ResourceOptions
from pulumi_aws import kms

from providers.aws.names import Names

_OPERATIONS = (
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
)
_SERVICE_ROLE = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def grant_disk_key(
    name: str, key: str, names: Names, account: Output[str], opts: ResourceOptions
) -> Sequence[Resource]:
    """Create the grant for the key with the ARN `key`, and return it as a list. Do nothing without a key.

    The service role of Auto Scaling uses the key of the disks, and it has no permission for a customer
    managed key ("Required AWS KMS key policy for use with encrypted volumes" in the user guide of EC2
    Auto Scaling).
    """
    if not key:
        return []
    grantee = account.apply(lambda number: f"arn:{names.partition}:iam::{number}:{_SERVICE_ROLE}")
    return [
        kms.Grant(
            name,
            name=names.name("disks"),
            key_id=key,
            grantee_principal=grantee,
            operations=list(_OPERATIONS),
            opts=opts,
        )
    ]
