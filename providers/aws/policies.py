"""IAM policies: statements as data, and their rendered text. Pure.

Resources and conditions are templates: `policy_document` replaces `{account}`, `{bucket}` and others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.aws.names import Names

ANYTHING = "*"

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a statement: `operator` (for example `StringEquals`) compares `key` with any of
    `values`.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that allows `actions` on `resources` where all `conditions` hold.

    `because` is the reason for a resource `*`. Raise ValueError for a `*` without a reason.
    """

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    because: str = ""

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.name}: actions must be listed one by one, without *")
        if (ANYTHING in self.resources) != bool(self.because):
            raise ValueError(f"{self.name}: a resource * needs `because`, other resources must not have it")


def policy_document(statements: Iterable[Statement], values: Mapping[str, str]) -> str:
    """Return the policy as JSON on one line, because IAM limits the number of characters.

    Raise KeyError for a template without a value.
    """
    body = {"Version": "2012-10-17", "Statement": [_render_statement(item, values) for item in statements]}
    return json.dumps(body, separators=(",", ":"))


def template_values(
    names: Names, *, account: str = "0" * 12, bucket: str = "", key: str = "0" * 100
) -> dict[str, str]:
    """Return the values for the templates. Defaults have the length of real values."""
    return {
        "account": account,
        "bucket": f"arn:{names.partition}:s3:::{bucket or names.bucket(account)}",
        "cluster": names.cluster,
        "domain": names.domain,
        "key": key,
        "partition": names.partition,
        "region": names.region,
    }


def trust_policy(service: str, account: str = "") -> Json:
    """Return the trust policy of a role: `service` may assume the role. If `account` is set, only for this
    account.
    """
    statement: Json = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


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
