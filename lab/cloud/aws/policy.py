"""Evaluation of policies: the part of IAM's rules that roles of machines use.

An explicit denial wins, then any allowance; otherwise the action is denied. A condition fails for a key
that the request lacks, unless its operator ends in IfExists.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Context = Mapping[str, str]
"""Values of condition keys, by key in lower case."""


def allowed(policies: Iterable[str], action: str, resource: str, context: Context) -> bool:
    """Report whether these policy documents (JSON) allow `action` (`ec2:AttachVolume`) on the ARN
    `resource`.
    """
    effects = [
        statement["Effect"]
        for policy in policies
        for statement in _list(json.loads(policy)["Statement"])
        if _matches(statement, action, resource, context)
    ]
    return "Deny" not in effects and "Allow" in effects


def _matches(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "Action" in statement:
        named = any(_like(action.lower(), pattern.lower()) for pattern in _list(statement["Action"]))
    else:
        named = not any(_like(action.lower(), pattern.lower()) for pattern in _list(statement["NotAction"]))
    if "Resource" in statement:
        named = named and any(_like(resource, pattern) for pattern in _list(statement["Resource"]))
    else:
        named = named and not any(_like(resource, pattern) for pattern in _list(statement["NotResource"]))
    conditions = statement.get("Condition", {})
    return named and all(
        _holds(operator, key.lower(), _list(values), context)
        for operator, wanted in conditions.items()
        for key, values in wanted.items()
    )


def _holds(operator: str, key: str, values: list[str], context: Context) -> bool:
    plain = operator.removesuffix("IfExists")
    found = context.get(key)
    if plain == "Null":
        return (found is None) == (str(values[0]).lower() == "true")
    if found is None:
        # An absent value equals nothing.
        return plain != operator or "Not" in plain
    test = _TESTS.get(plain.replace("Not", ""))
    if test is None:
        raise ValueError(f"condition {operator} is not known here")
    hit = any(test(found, str(value)) for value in values)
    return hit != ("Not" in plain)


def _like(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _list(value: Any) -> list[Any]:  # noqa: ANN401 — JSON
    return value if isinstance(value, list) else [value]


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda found, value: found == value,
    "StringEqualsIgnoreCase": lambda found, value: found.lower() == value.lower(),
    "StringLike": _like,
    "ArnLike": _like,
    "ArnEquals": _like,
    "Bool": lambda found, value: found.lower() == value.lower(),
}
