"""The store of bundles and secrets: an S3 bucket for the cluster, encrypted, versioned and not public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import kms, s3

from providers.aws.names import Names
from providers.aws.private_bucket import PrivateBucket, create_private_bucket
from providers.cloud.artifacts import FILES_VARIABLE, StoredFile, files_text
from providers.cloud.gate import command_line, create_gate

_MODULE = f"{__package__}.artifacts"
_OLD_VERSIONS_DAYS = 90
KEY_DELETION_DAYS = 30
"""The days in which the deletion of a KMS key can be cancelled."""


@dataclass(frozen=True, kw_only=True)
class StoreArgs:
    """Arguments of the store. `account` is the account's number, part of the unique bucket name.

    `files` are the files that machines fetch from the store. `s3` is the URL of a private endpoint or empty,
    and `ca_file` the PEM file of its certificate authority, or None.
    """

    names: Names
    account: Output[str]
    files: Sequence[StoredFile] = ()
    s3: str = ""
    ca_file: str | None = None


class Store(ComponentResource):
    """The store of a cluster. `bucket` is the name of its S3 bucket, `key` the ARN of its KMS key.
    `artifacts` has the command that puts the files of machines into the store, if they fetch files there.

    `destroy` deletes the bucket with its objects, and the key. The next `up` creates them again.
    """

    bucket: Output[str]
    key: Output[str]
    artifacts: Sequence[Resource]

    def __init__(self, name: str, args: StoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Store", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self.key = self._create_key()
        private = create_private_bucket(
            name,
            args.account.apply(args.names.bucket),
            self.key,
            tags=args.names.resource_tags("store"),
            child=self._child,
        )
        self._expire_old_versions(private)
        self._protections = private.protections
        self.bucket = private.bucket.bucket
        self.artifacts = [self._put_artifacts()] if args.files else []
        self.register_outputs({"bucket": self.bucket})

    def put(self, name: str, key: str, content: Input[str]) -> s3.BucketObjectv2:
        """Create an object in the store.

        The key of the object does not depend on the content, so a preview shows a change of the content as
        changed lines and not as a new object.
        """
        return s3.BucketObjectv2(
            name,
            bucket=self.bucket,
            key=key,
            content=content,
            content_type="text/plain; charset=utf-8",
            server_side_encryption="aws:kms",
            kms_key_id=self.key,
            bucket_key_enabled=False,
            # An object may have ten tags: tags of the settings are only on the bucket.
            tags=Names(cluster=self._names.cluster, region=self._names.region).resource_tags(
                key.replace("/", "-")
            ),
            opts=ResourceOptions(parent=self, depends_on=self._protections),
        )

    def _put_artifacts(self) -> Resource:
        """Create the command that uploads the files which the store lacks.

        The engine would read all files in every preview, also where a pinned index replaces them. Files are
        deleted with the bucket.
        """
        arguments = ["--region", self._names.region]
        arguments += ["--s3", self._args.s3] if self._args.s3 else []
        arguments += ["--ca-file", self._args.ca_file] if self._args.ca_file else []
        return create_gate(
            f"{self._name}-files",
            self.bucket.apply(lambda bucket: command_line(_MODULE, *arguments, "--bucket", bucket)),
            ResourceOptions(parent=self, depends_on=self._protections),
            variables={FILES_VARIABLE: files_text(self._args.files)},
        )

    def _create_key(self) -> Output[str]:
        key = kms.Key(
            f"{self._name}-key",
            description=f"Bundles and secrets of the cluster {self._names.cluster}",
            enable_key_rotation=True,
            deletion_window_in_days=KEY_DELETION_DAYS,
            tags=self._names.resource_tags("store"),
            opts=self._child,
        )
        kms.Alias(
            f"{self._name}-key-alias",
            name=f"alias/kubewright/{self._names.cluster}",
            target_key_id=key.key_id,
            opts=self._child,
        )
        return key.arn

    def _expire_old_versions(self, private: PrivateBucket) -> None:
        expiry = s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=_OLD_VERSIONS_DAYS
        )
        rule = s3.BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            noncurrent_version_expiration=expiry,
        )
        s3.BucketLifecycleConfiguration(
            f"{self._name}-old-versions",
            bucket=private.bucket.id,
            rules=[rule],
            opts=ResourceOptions(parent=self, depends_on=[private.versioning]),
        )
