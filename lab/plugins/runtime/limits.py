"""Checks of the parameters of requests to a cloud against tables of limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ValueLimit:
    """A limit of one parameter.

    `path` is the path of the parameter: `[]` is each item of a list, `**` any path. `pattern` must match the
    whole text; `longest` is the maximum length of a text or list; `lowest` and `highest` are limits of
    numbers; `check` returns the text of a problem, or an empty text. `source` is the URL of the
    documentation.
    """

    path: str
    source: str
    pattern: str = ""
    longest: int | None = None
    lowest: int | None = None
    highest: int | None = None
    check: Callable[[Any], str] | None = None


def find_problems(limits: Iterable[ValueLimit], parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each parameter that violates one of the limits."""
    for limit in limits:
        for path, value in _values(parameters, ""):
            if _matches(limit.path, path) and (problem := _problem(limit, value)):
                yield f"{path}: {problem} ({limit.source})"


def _problem(limit: ValueLimit, value: Any) -> str:  # noqa: ANN401 — JSON
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
