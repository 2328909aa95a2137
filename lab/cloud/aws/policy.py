"""Evaluation of IAM policies, as far as the roles of machines need it.

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
    """Check whether these policy documents (JSON) allow `action` (`ec2:AttachVolume`) on the ARN
    `resource`.
    """
    effects = [
        statement["Effect"]
        for policy in policies
        for statement in _as_list(json.loads(policy)["Statement"])
        if _statement_applies(statement, action, resource, context)
    ]
    return "Deny" not in effects and "Allow" in effects


def _statement_applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "Action" in statement:
        named = any(
            _matches_pattern(action.lower(), pattern.lower()) for pattern in _as_list(statement["Action"])
        )
    else:
        named = not any(
            _matches_pattern(action.lower(), pattern.lower()) for pattern in _as_list(statement["NotAction"])
        )
    if "Resource" in statement:
        named = named and any(
            _matches_pattern(resource, pattern) for pattern in _as_list(statement["Resource"])
        )
    else:
        named = named and not any(
            _matches_pattern(resource, pattern) for pattern in _as_list(statement["NotResource"])
        )
    conditions = statement.get("Condition", {})
    return named and all(
        _condition_holds(operator, key.lower(), _as_list(values), context)
        for operator, wanted in conditions.items()
        for key, values in wanted.items()
    )


def _condition_holds(operator: str, key: str, values: list[str], context: Context) -> bool:
    plain = operator.removesuffix("IfExists")
    found = context.get(key)
    if plain == "Null":
        return (found is None) == (str(values[0]).lower() == "true")
    if found is None:
        # A missing value is not equal to any value.
        return plain != operator or "Not" in plain
    test = _TESTS.get(plain.replace("Not", ""))
    if test is None:
        raise ValueError(f"condition {operator} is not known here")
    hit = any(test(found, str(value)) for value in values)
    return hit != ("Not" in plain)


def _matches_pattern(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 — JSON
    return value if isinstance(value, list) else [value]


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda found, value: found == value,
    "StringEqualsIgnoreCase": lambda found, value: found.lower() == value.lower(),
    "StringLike": _matches_pattern,
    "ArnLike": _matches_pattern,
    "ArnEquals": _matches_pattern,
    "Bool": lambda found, value: found.lower() == value.lower(),
}
