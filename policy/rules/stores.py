"""No store answers somebody who says not who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.rules.encryption import BUCKETS
from policy.rules.model import Resource, ResourceRule, Stack, StackRule, decided, items, mapping, texts, yes
from policy.rules.public_ranges import is_world

_BLOCKS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_POLICIES = ("aws:s3/bucketPolicy:BucketPolicy", *BUCKETS)
_ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2", *BUCKETS)
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
"""The last is everybody who has an account with AWS."""
_WHO = frozenset({
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "aws:userid",
})  # fmt: skip
"""Keys of a condition that leave none but one's own (docs.aws.amazon.com: global condition context keys)."""


def public_stores(resource: Resource, stack: Stack) -> Iterator[str]:
    """Settings, lists and policies of both clouds' stores."""
    inputs = resource.inputs
    if resource.kind == _BLOCKS:
        for key in _BLOCKED:
            if not yes(inputs.get(key)):
                yield f"{key}: must be true"
    if resource.kind in _ACLS and str(inputs.get("acl", "")).lower() in _PUBLIC_ACLS:
        yield "acl: must not be public"
    if resource.kind in _POLICIES and any(map(_lets_everyone, _statements(inputs.get("policy")))):
        yield "policy: allows everyone; name the principals, or the network in a condition"
    yield from _azure(resource)


def _azure(resource: Resource) -> Iterator[str]:
    inputs = resource.inputs
    if resource.kind == "azure-native:storage:StorageAccount":
        # Azure's own default was true for long.
        public = inputs.get("allowBlobPublicAccess")
        if public is not False and decided(public):
            yield "allowBlobPublicAccess: must be false"
    elif resource.kind == "azure-native:storage:BlobContainer":
        access = inputs.get("publicAccess", "None")
        if decided(access) and str(access).lower() != "none":
            yield "publicAccess: must be None"


def _statements(policy: object) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return []  # not known yet
    found = mapping(document).get("Statement")
    return [found] if isinstance(found, Mapping) else items(found)


def _lets_everyone(statement: Mapping[str, Any]) -> bool:
    if str(statement.get("Effect", "")).lower() != "allow":
        return False
    principal = statement.get("Principal")
    named = mapping(principal).values() if isinstance(principal, Mapping) else (principal,)
    everyone = any("*" in texts(each) for each in named) or "NotPrincipal" in statement
    return everyone and not any(
        _restricts(str(operator), str(key).lower(), texts(value))
        for operator, keys in mapping(statement.get("Condition")).items()
        for key, value in mapping(keys).items()
    )


def _restricts(operator: str, key: str, values: list[str]) -> bool:
    # `…Not…` leaves everyone but a few, `…IfExists` everyone who does not say.
    if "Not" in operator or operator.endswith("IfExists") or operator == "Null":
        return False
    if key == "aws:sourceip":
        return not is_world(values)
    return key in _WHO and not any(value in ("*", "arn:aws:*", "") for value in values)


def unblocked_stores(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every bucket has its block of public access; whose is whose may not be known yet: they are counted."""
    buckets = [resource for resource in resources if resource.kind in BUCKETS]
    blocks = [resource for resource in resources if resource.kind == _BLOCKS]
    if len(blocks) < len(buckets):
        for bucket in buckets:
            yield bucket, f"{len(buckets)} buckets, and {len(blocks)} blocks of public access"


RULES = (
    ResourceRule(name="no-public-store", description="Stores are not public.", check=public_stores),
    StackRule(
        name="public-access-blocked", description="Every bucket blocks public access.", check=unblocked_stores
    ),
)
