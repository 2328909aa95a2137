"""A private S3 bucket: encrypted, versioned, not public, and without access other than by TLS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, Resource, ResourceOptions
from pulumi_aws import s3

from providers.aws.policies import only_by_tls


@dataclass(frozen=True, kw_only=True)
class PrivateBucket:
    """A bucket. `protections` are the resources that must exist before the first object."""

    bucket: s3.Bucket
    versioning: s3.BucketVersioning
    protections: list[Resource]


def create_private_bucket(
    name: str,
    bucket_name: Input[str],
    key: Input[str],
    *,
    tags: Mapping[str, str],
    child: ResourceOptions,
    kept: ResourceOptions | None = None,
) -> PrivateBucket:
    """Create a bucket whose objects are encrypted with the KMS key that has the ARN `key`.

    `child` are the options of all resources, `kept` those of the bucket itself if they differ.
    """
    bucket = s3.Bucket(
        f"{name}-bucket", bucket=bucket_name, force_destroy=True, tags=dict(tags), opts=kept or child
    )
    versioning = s3.BucketVersioning(
        f"{name}-versions",
        bucket=bucket.id,
        versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=child,
    )
    public_access_block = s3.BucketPublicAccessBlock(
        f"{name}-closed",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    tls_policy = s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.id,
        policy=bucket.arn.apply(bucket_policy),
        opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[public_access_block])),
    )
    encryption = _create_encryption(name, bucket, key, child)
    return PrivateBucket(
        bucket=bucket,
        versioning=versioning,
        protections=[versioning, encryption, public_access_block, tls_policy],
    )


def bucket_policy(bucket: str) -> str:
    """Return the policy of the bucket with this ARN: deny every action without TLS, to every principal."""
    return json.dumps({"Version": "2012-10-17", "Statement": [only_by_tls(bucket)]})


def _create_encryption(name: str, bucket: s3.Bucket, key: Input[str], child: ResourceOptions) -> Resource:
    """Encrypt all objects by default, including those that machines write.

    The bucket uses no S3 bucket key. Each access to an object is then a request to KMS, and the
    statements in `permissions` can limit each machine to its own objects.
    """
    by_default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="aws:kms", kms_master_key_id=key
    )
    rule = s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=by_default, bucket_key_enabled=False
    )
    return s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption", bucket=bucket.id, rules=[rule], opts=child
    )
