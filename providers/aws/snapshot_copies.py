"""Copies of etcd's snapshots: a bucket in another region, to which etcd members write their snapshots."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_aws import kms, s3

from providers.aws.names import Names
from providers.aws.store import KEY_DELETION_DAYS, bucket_policy
from settings.aws import AwsSnapshotCopySettings

_OLD_VERSIONS_DAYS = 30
_INCOMPLETE_DAYS = 1


@dataclass(frozen=True, kw_only=True)
class SnapshotCopyArgs:
    """Arguments of the copies. `account` is the number of the account. With `protect`, the engine refuses to
    delete the bucket and its key.
    """

    names: Names
    account: Output[str]
    settings: AwsSnapshotCopySettings
    protect: bool


class SnapshotCopies(ComponentResource):
    """A bucket with copies of etcd's snapshots. `bucket` is its name, `key` the ARN of its KMS key.

    Bucket and key are in another region, so that the copies survive the loss of the region of the cluster.
    `destroy` deletes the bucket with its objects, unless it is protected.
    """

    bucket: Output[str]
    key: Output[str]
    protections: list[Resource]
    """The resources that must exist before the first copy."""

    def __init__(self, name: str, args: SnapshotCopyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:SnapshotCopies", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        self._kept = ResourceOptions(parent=self, protect=args.protect or None)
        names, region = args.names, args.settings.region
        self.key = self._create_key()
        bucket = s3.Bucket(
            f"{name}-bucket",
            bucket=args.account.apply(lambda account: names.copies_bucket(account, region)),
            force_destroy=True,
            tags=names.resource_tags("snapshot-copies"),
            opts=self._kept,
        )
        self.bucket = bucket.bucket
        versioning = s3.BucketVersioning(
            f"{name}-versions",
            bucket=bucket.id,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child,
        )
        closed = s3.BucketPublicAccessBlock(
            f"{name}-closed",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        policy = s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=bucket.arn.apply(bucket_policy),
            opts=ResourceOptions(parent=self, depends_on=[closed]),
        )
        self._expire_copies(bucket, versioning)
        self.protections = [versioning, self._create_encryption(bucket), closed, policy]
        self.register_outputs({"bucket": self.bucket})

    def _create_key(self) -> Output[str]:
        key = kms.Key(
            f"{self._name}-key",
            description=f"Copies of snapshots of the cluster {self._args.names.cluster}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            tags=self._args.names.resource_tags("snapshot-copies"),
            opts=self._kept,
        )
        return key.arn

    def _create_encryption(self, bucket: s3.Bucket) -> Resource:
        by_default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms", kms_master_key_id=self.key
        )
        # Without a bucket key, S3 passes each object to KMS (`permissions.copy_statements`).
        rule = s3.BucketServerSideEncryptionConfigurationRuleArgs(
            apply_server_side_encryption_by_default=by_default, bucket_key_enabled=False
        )
        return s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption", bucket=bucket.id, rules=[rule], opts=self._child
        )

    def _expire_copies(self, bucket: s3.Bucket, versioning: Resource) -> None:
        """Delete copies after `keep_days`. A version that was replaced remains for some time."""
        rule = s3.BucketLifecycleConfigurationRuleArgs(
            id="copies",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=self._args.settings.keep_days),
            noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=_OLD_VERSIONS_DAYS
            ),
            abort_incomplete_multipart_upload=(
                s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=_INCOMPLETE_DAYS
                )
            ),
        )
        s3.BucketLifecycleConfiguration(
            f"{self._name}-expiry",
            bucket=bucket.id,
            rules=[rule],
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )
