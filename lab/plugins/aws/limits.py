"""Checks of parameters against the limits of AWS that botocore's service models do not contain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lab.plugins.aws.limit_table import LIMITS, Limit


def find_problems(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each parameter of a call that violates a limit."""
    for limit in LIMITS:
        if fnmatchcase(service, limit.service) and fnmatchcase(operation, limit.operation):
            for path, value in _values(parameters, ""):
                if _matches(limit.path, path):
                    problem = _problem(limit, value)
                    if problem:
                        yield f"{path}: {problem} ({limit.source})"


def _problem(limit: Limit, value: Any) -> str:  # noqa: ANN401 — JSON
    if limit.pattern and not re.fullmatch(limit.pattern, str(value)):
        return f"{str(value)[:80]!r} does not match {limit.pattern}"
    if limit.longest is not None and len(value) > limit.longest:
        return f"the length is {len(value)}, above {limit.longest}"
    if limit.lowest is not None and value < limit.lowest:
        return f"{value} is below {limit.lowest}"
    if limit.highest is not None and value > limit.highest:
        return f"{value} is above {limit.highest}"
    return limit.check(value) if limit.check is not None else ""


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 — JSON
    """Yield all values inside parameters with their paths, in which `[]` is each item of a list."""
    if path:
        yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, f"{path}[]")


def _matches(pattern: str, path: str) -> bool:
    if pattern.startswith("**."):
        return path == pattern[3:] or path.endswith(f".{pattern[3:]}")
    return path == pattern
