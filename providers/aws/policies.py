"""IAM policies: statements as data, and their rendered JSON. Imports no SDK.

Resources and conditions are templates: `policy_document` replaces placeholders such as `{account}` and
`{bucket}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.aws.names import Names

ANY_RESOURCE = "*"
"""The resource of a statement that applies to every resource."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of an IAM statement: `operator` (for example `StringEquals`) compares `key` with any of
    `values`.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """An IAM statement that allows `actions` on `resources` where all `conditions` hold.

    `wildcard_reason` says why the resource must be `*`. Raise ValueError for a `*` without a reason, for a
    reason without `*`, and for an action with `*`.
    """

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    wildcard_reason: str = ""

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.name}: actions must be listed one by one, without *")
        if (ANY_RESOURCE in self.resources) != bool(self.wildcard_reason):
            raise ValueError(
                f"{self.name}: a resource * needs `wildcard_reason`, other resources must not have it"
            )


def policy_document(statements: Iterable[Statement], values: Mapping[str, str]) -> str:
    """Return an IAM policy as JSON on one line, because IAM limits the number of characters.

    `values` replace the placeholders in the statements, such as `{bucket}`. Raise KeyError for a placeholder
    without a value.
    """
    body = {"Version": "2012-10-17", "Statement": [_render_statement(item, values) for item in statements]}
    return json.dumps(body, separators=(",", ":"))


def template_values(
    names: Names,
    *,
    account: str = "0" * 12,
    bucket: str = "",
    key: str = "0" * 100,
    copies: str = "",
    copies_key: str = "0" * 100,
    copies_region: str = "",
    file_system: str = "",
) -> dict[str, str]:
    """Return the values that replace the placeholders in statements.

    Without arguments, the values have the length of real values, so that the length of a policy can be
    checked before resources exist. `copies`, `copies_key` and `copies_region` are the bucket for copies of
    snapshots, the ARN of its key and its region. `file_system` is the ARN of the file system for volumes.
    """
    bucket_arn = f"arn:{names.partition}:s3:::"
    return {
        "account": account,
        "bucket": f"{bucket_arn}{bucket or names.bucket(account)}",
        "cluster": names.cluster,
        "copies": f"{bucket_arn}{copies or names.copies_bucket(account, copies_region)}",
        "copies_key": copies_key,
        "copies_region": copies_region,
        "domain": names.domain,
        "file_system": file_system or names.file_system_arn(account, "fs-0123456789abcdef0"),
        "key": key,
        "partition": names.partition,
        "region": names.region,
    }


def trust_policy(service: str, account: str = "") -> Json:
    """Return the trust policy of a role, which allows an AWS service to assume the role.

    If `account` is set, the service may do this only for this account.
    """
    statement: Json = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def only_by_tls(bucket: str) -> Json:
    """Return the statement of a bucket's policy (the bucket's ARN) that denies all requests without TLS."""
    return deny_without_tls("*", "s3:*", [bucket, f"{bucket}/*"])


def deny_without_tls(principal: str | Json, action: str, resource: str | list[str]) -> Json:
    """Return the statement of a resource's policy that denies an action without TLS."""
    return {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": principal,
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _render_statement(statement: Statement, values: Mapping[str, str]) -> Json:
    body: Json = {
        "Sid": statement.name,
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [resource.format_map(values) for resource in statement.resources],
    }
    conditions: dict[str, dict[str, list[str]]] = {}
    for condition in statement.conditions:
        texts = [value.format_map(values) for value in condition.values]
        conditions.setdefault(condition.operator, {})[condition.key.format_map(values)] = texts
    return {**body, "Condition": conditions} if conditions else body
