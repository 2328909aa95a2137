"""Copies of etcd's snapshots: a bucket in another region, to which etcd members write their snapshots."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_aws import kms, s3

from providers.aws.names import Names
from providers.aws.private_bucket import PrivateBucket, create_private_bucket
from providers.aws.store import KEY_DELETION_DAYS
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
        self._kept = ResourceOptions(parent=self, protect=args.protect or None)
        names, region = args.names, args.settings.region
        self.key = self._create_key()
        private = create_private_bucket(
            name,
            args.account.apply(lambda account: names.copies_bucket(account, region)),
            self.key,
            tags=names.resource_tags("snapshot-copies"),
            child=ResourceOptions(parent=self),
            kept=self._kept,
        )
        self.bucket = private.bucket.bucket
        self._expire_copies(private)
        self.protections = private.protections
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

    def _expire_copies(self, private: PrivateBucket) -> None:
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
            bucket=private.bucket.id,
            rules=[rule],
            opts=ResourceOptions(parent=self, depends_on=[private.versioning]),
        )
