"""Anonymous access to objects of the emulated S3, by public access blocks and policies of buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.s3.models import FakeBucket, s3_backends

from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.signature import RequestRefused


def read_public_object(bucket: str, key: str) -> bytes:
    """Return the content of a public object. Raise RequestRefused for all others."""
    backend = s3_backends[ACCOUNT]["aws"]
    stored = backend.buckets.get(bucket)
    if stored is None or not _is_public(stored, bucket, key):
        raise RequestRefused("AccessDenied", f"{bucket}/{key} is not public")
    found = backend.get_object(bucket, key)
    if found is None:
        raise RequestRefused("AccessDenied", f"{bucket}/{key}: no object, or not a public one")
    return bytes(found.value)


def check_bucket_policy(bucket: str, policy: str) -> None:
    """Raise RequestRefused for a public policy while the bucket blocks such policies, as new buckets do."""
    stored = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
    if stored is not None and _blocks(stored, "block_public_policy") and _public_statements(policy):
        raise RequestRefused(
            "AccessDenied", f"{bucket}: public policies are blocked by the BlockPublicPolicy setting"
        )


def _is_public(bucket: FakeBucket, name: str, key: str) -> bool:
    if bucket.policy is None or _blocks(bucket, "restrict_public_buckets"):
        return False
    statements = [*_public_statements(bucket.policy.decode()), *_denials(bucket.policy.decode())]
    document = json.dumps({"Statement": statements})
    arn = f"arn:aws:s3:::{name}/{key}"
    return is_allowed([document], "s3:GetObject", arn, {"aws:securetransport": "true"})


def _blocks(bucket: FakeBucket, setting: str) -> bool:
    """Return a setting of the public access block of a bucket. All are on for a new bucket."""
    block = bucket.public_access_block
    return block is None or str(getattr(block, setting)).lower() == "true"


def _public_statements(policy: str) -> list[Mapping[str, Any]]:
    """Return the statements that allow anonymous access."""
    return [item for item in _statements(policy) if item["Effect"] == "Allow" and _is_anonymous(item)]


def _denials(policy: str) -> list[Mapping[str, Any]]:
    return [item for item in _statements(policy) if item["Effect"] == "Deny" and _is_anonymous(item)]


def _is_anonymous(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in principal.values())


def _statements(policy: str) -> list[Mapping[str, Any]]:
    statements = json.loads(policy)["Statement"]
    return statements if isinstance(statements, list) else [statements]
