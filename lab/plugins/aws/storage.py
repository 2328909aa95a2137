"""Resource types of S3: buckets, their settings, and objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, without
from lab.plugins.aws.parameters import build_parameters, tag_list
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_PAGE = 1000
"""Maximum number of objects that one call deletes."""


class Bucket(ResourceKind):
    """A bucket. With `forceDestroy`, `delete` deletes its objects with all versions."""

    in_place = ("tags", "forceDestroy")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the bucket."""
        bucket = str(inputs["bucket"])
        if unexpected := inputs.keys() - {"bucket", "forceDestroy", "tags", "__defaults"}:
            raise PluginError(f"{bucket}: the emulation has no {', '.join(sorted(unexpected))}")
        place = {"LocationConstraint": account.region}
        location = {} if account.region == "us-east-1" else {"CreateBucketConfiguration": place}
        account.call("s3", "CreateBucket", Bucket=bucket, **location)
        self._set_tags(account, inputs)
        return bucket

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN and the host name."""
        account.call("s3", "HeadBucket", Bucket=identity)
        name = f"{identity}.s3.{account.region}.amazonaws.com"
        return {"arn": f"arn:aws:s3:::{identity}", "bucketRegionalDomainName": name}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags. The plugin alone reads `forceDestroy`."""
        self._set_tags(account, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the bucket."""
        if state.get("forceDestroy"):
            self._delete_objects(account, identity)
        account.call("s3", "DeleteBucket", Bucket=identity)

    def _set_tags(self, account: Account, inputs: Properties) -> None:
        if inputs.get("tags"):
            tagging = {"TagSet": tag_list(inputs["tags"])}
            account.call("s3", "PutBucketTagging", Bucket=inputs["bucket"], Tagging=tagging)

    def _delete_objects(self, account: Account, bucket: str) -> None:
        while True:
            page = account.call("s3", "ListObjectVersions", Bucket=bucket, MaxKeys=_PAGE)
            items = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not items:
                return
            keys = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in items[:_PAGE]]
            account.call("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


class BucketObject(ResourceKind):
    """An object in a bucket."""

    in_place = (
        "content",
        "contentType",
        "tags",
        "serverSideEncryption",
        "kmsKeyId",
        "bucketKeyEnabled",
    )

    def create(self, account: Account, inputs: Properties) -> str:
        """Write the object."""
        rest = without(inputs, "content", "tags")
        body = str(inputs.get("content", "")).encode()
        tagging = urlencode(inputs.get("tags") or {})
        account.create("s3", "PutObject", rest, {"kmsKeyId": "SSEKMSKeyId"}, Body=body, Tagging=tagging)
        return str(inputs["key"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN, the version and the entity tag."""
        bucket = inputs["bucket"]
        response = account.call("s3", "HeadObject", Bucket=bucket, Key=identity)
        return {
            "arn": f"arn:aws:s3:::{bucket}/{identity}",
            "etag": response["ETag"].strip('"'),
            "versionId": response.get("VersionId", ""),
        }

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Write the object again, which creates a version."""
        return self.create(account, inputs)

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the object."""
        account.call("s3", "DeleteObject", Bucket=state["bucket"], Key=identity)


class BucketSetting(ResourceKind):
    """A setting of a bucket. Its id is the name of the bucket.

    `noun` is the name of the setting in the operations `Put<noun>` and `Get<noun>`. `path` are the names of
    the structures around the inputs, `renames` the names of parameters by input. A setting without `deletion`
    remains when its resource is deleted.
    """

    def __init__(
        self,
        noun: str,
        path: tuple[str, ...],
        inputs: tuple[str, ...],
        *,
        renames: Mapping[str, str] | None = None,
        deletion: str = "",
    ) -> None:
        self._noun, self._path, self._renames, self._deletion = noun, path, renames or {}, deletion
        self.in_place = inputs

    def create(self, account: Account, inputs: Properties) -> str:
        """Set the setting."""
        bucket = str(inputs["bucket"])
        shape = account.parameters("s3", f"Put{self._noun}", *self._path)
        value: Any = build_parameters(shape, without(inputs, "bucket"), self._renames)
        for name in reversed(self._path):
            value = {name: value}
        account.call("s3", f"Put{self._noun}", Bucket=bucket, **value)
        return bucket

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the setting exists."""
        account.call("s3", f"Get{self._noun}", Bucket=identity)
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Set the setting again."""
        return self.create(account, inputs)

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the setting, if the API has such an operation."""
        if self._deletion:
            account.call("s3", self._deletion, Bucket=identity)


_VERSIONING = {"versioningConfiguration": "VersioningConfiguration"}

BUCKET_SETTINGS: Mapping[str, BucketSetting] = {
    "BucketVersioning": BucketSetting(
        "BucketVersioning", (), ("versioningConfiguration",), renames=_VERSIONING
    ),
    "BucketServerSideEncryptionConfiguration": BucketSetting(
        "BucketEncryption",
        ("ServerSideEncryptionConfiguration",),
        ("rules",),
        renames={"kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"},
        deletion="DeleteBucketEncryption",
    ),
    "BucketPublicAccessBlock": BucketSetting(
        "PublicAccessBlock",
        ("PublicAccessBlockConfiguration",),
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"),
        deletion="DeletePublicAccessBlock",
    ),
    "BucketLifecycleConfiguration": BucketSetting(
        "BucketLifecycleConfiguration",
        ("LifecycleConfiguration",),
        ("rules",),
        renames={"id": "ID"},
        deletion="DeleteBucketLifecycle",
    ),
    "BucketPolicy": BucketSetting(
        "BucketPolicy", (), ("policy",), renames={"policy": "Policy"}, deletion="DeleteBucketPolicy"
    ),
}
