"""Evaluation of IAM policies, as far as the roles of machines need it.

An explicit denial wins, then any allowance; otherwise the action is denied. A condition fails for a key
that the request lacks, unless its operator ends in IfExists. Variables in resources stand for the values of
condition keys.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_VARIABLE = re.compile(r"\$\{([\w:/-]+)\}")
Context = Mapping[str, str]
"""Values of condition keys, by key in lower case."""


def is_allowed(policies: Iterable[str], action: str, resource: str, context: Context) -> bool:
    """Return whether policy documents (JSON) allow `action` on the ARN `resource`.

    `action` is for example `ec2:AttachVolume`.
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
        matches = any(
            _matches_pattern(action.lower(), pattern.lower()) for pattern in _as_list(statement["Action"])
        )
    else:
        matches = not any(
            _matches_pattern(action.lower(), pattern.lower()) for pattern in _as_list(statement["NotAction"])
        )
    if "Resource" in statement:
        matches = matches and any(
            _matches_resource(resource, pattern, context) for pattern in _as_list(statement["Resource"])
        )
    else:
        matches = matches and not any(
            _matches_resource(resource, pattern, context) for pattern in _as_list(statement["NotResource"])
        )
    conditions = statement.get("Condition", {})
    return matches and all(
        _condition_holds(operator, key.lower(), _as_list(values), context)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _condition_holds(operator: str, key: str, values: list[str], context: Context) -> bool:
    base_operator = operator.removesuffix("IfExists")
    actual = context.get(key)
    if base_operator == "Null":
        return (actual is None) == (str(values[0]).lower() == "true")
    if actual is None:
        # A missing value is not equal to any value.
        return base_operator != operator or "Not" in base_operator
    matches_value = _OPERATORS.get(base_operator.replace("Not", ""))
    if matches_value is None:
        raise ValueError(f"condition {operator} is not known here")
    any_match = any(matches_value(actual, str(value)) for value in values)
    return any_match != ("Not" in base_operator)


def _matches_resource(resource: str, pattern: str, context: Context) -> bool:
    """Return whether a pattern matches an ARN. A pattern with a variable without value matches nothing.

    Characters such as * in the value of a variable are not wildcards.
    """
    names = _VARIABLE.findall(pattern)
    if any(name.lower() not in context for name in names):
        return False
    values = (re.sub(r"([*?[])", r"[\1]", context[name.lower()]) for name in names)
    texts = (text.replace("[", "[[]") for text in _VARIABLE.split(pattern)[::2])
    return fnmatchcase(
        resource, "".join(part for pair in zip(texts, [*values, ""], strict=True) for part in pair)
    )


def _matches_pattern(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 — JSON
    return value if isinstance(value, list) else [value]


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, value: actual == value,
    "StringEqualsIgnoreCase": lambda actual, value: actual.lower() == value.lower(),
    "StringLike": _matches_pattern,
    "ArnLike": _matches_pattern,
    "ArnEquals": _matches_pattern,
    "Bool": lambda actual, value: actual.lower() == value.lower(),
}
