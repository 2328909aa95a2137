"""What IAM policies are made of: statements as data, and their text. Pure.

Resources and conditions are templates: `{account}`, `{bucket}` and so on are filled in by `document`.
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
    """One test: `operator` (`StringEquals`) of `key` with any of `values`."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Who has the policy may do `actions` on `resources`, where all `conditions` hold.

    `because` is the reason why a resource is `*`: without one that is an error (ValueError).
    """

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    because: str = ""

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.name}: actions are named one by one")
        if (ANYTHING in self.resources) != bool(self.because):
            raise ValueError(f"{self.name}: a resource * needs its reason, and nothing else has one")


def document(statements: Iterable[Statement], values: Mapping[str, str]) -> str:
    """The policy as JSON on one line: IAM counts its characters.

    Raises KeyError for a template without its value.
    """
    body = {"Version": "2012-10-17", "Statement": [_statement(item, values) for item in statements]}
    return json.dumps(body, separators=(",", ":"))


def values(
    names: Names, *, account: str = "0" * 12, bucket: str = "", key: str = "0" * 100
) -> dict[str, str]:
    """What the templates are filled in with. Left out: values of the length that real ones have."""
    return {
        "account": account,
        "bucket": f"arn:{names.partition}:s3:::{bucket or names.bucket(account)}",
        "cluster": names.cluster,
        "domain": names.domain,
        "key": key,
        "partition": names.partition,
        "region": names.region,
    }


def assumed_by(service: str, account: str = "") -> Json:
    """Who may take a role: a service of AWS, on behalf of this account alone where that is given."""
    statement: Json = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _statement(statement: Statement, filled: Mapping[str, str]) -> Json:
    body: Json = {
        "Sid": statement.name,
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [resource.format_map(filled) for resource in statement.resources],
    }
    conditions: dict[str, dict[str, list[str]]] = {}
    for condition in statement.conditions:
        texts = [value.format_map(filled) for value in condition.values]
        conditions.setdefault(condition.operator, {})[condition.key.format_map(filled)] = texts
    return {**body, "Condition": conditions} if conditions else body
