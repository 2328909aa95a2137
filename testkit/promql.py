"""Selectors of series in expressions of PromQL, without a program that parses them.

The reader knows the syntax that rules and dashboards of this repository use.
`tests/engine/test_dashboards.py` compares its result with the parser of Prometheus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<range>\[[^\]]*\])
    | (?P<number>[0-9.]+[a-z]*)
    | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/^%(){},=<>])
    )""",
    re.VERBOSE,
)
_GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


@dataclass(frozen=True, slots=True)
class Selector:
    """The name of series, and the conditions on their labels: label, operator and text."""

    name: str
    matchers: frozenset[tuple[str, str, str]] = frozenset()

    def values(self, label: str) -> tuple[str, ...]:
        """Return the values of a label that the selector allows, for `=` and `=~` with alternatives."""
        for name, operator, text in self.matchers:
            if name == label and operator in {"=", "=~"}:
                return tuple(text.split("|")) if operator == "=~" else (text,)
        return ()


def selectors(expression: str) -> list[Selector]:
    """Return the selectors of an expression in their order. Raise ValueError for unknown syntax."""
    tokens = [*_tokens(expression)]
    found, position = [], 0
    while position < len(tokens):
        kind, text = tokens[position]
        following = tokens[position + 1][1] if position + 1 < len(tokens) else ""
        position += 1
        if kind != "name" or text in _WORDS:
            continue
        if text in _GROUPINGS:
            position = _end(tokens, position, "(", ")")
        elif following == "{":
            end = _end(tokens, position, "{", "}")
            found.append(Selector(text, frozenset(_matchers(tokens[position + 1 : end - 1]))))
            position = end
        elif not _is_call(tokens, position):
            found.append(Selector(text))
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    position, expression = 0, expression.strip()
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None or match.lastgroup is None:
            raise ValueError(f"not read: {expression[position:]}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()


def _is_call(tokens: list[tuple[str, str]], position: int) -> bool:
    """Check whether the name before `position` is a function or an aggregation, such as `sum by (x) (…)`."""
    while position < len(tokens) and tokens[position][1] in _GROUPINGS:
        position = _end(tokens, position + 1, "(", ")")
    return position < len(tokens) and tokens[position][1] == "("


def _end(tokens: list[tuple[str, str]], position: int, opening: str, closing: str) -> int:
    """Return the position after the list that begins at `position`."""
    if position >= len(tokens) or tokens[position][1] != opening:
        raise ValueError(f"{opening} is missing")
    while tokens[position][1] != closing:
        position += 1
        if position == len(tokens):
            raise ValueError(f"{closing} is missing")
    return position + 1


def _matchers(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    items = [text for _, text in tokens if text != ","]
    if len(items) % 3:
        raise ValueError(f"not conditions on labels: {items}")
    for label, operator, text in zip(items[::3], items[1::3], items[2::3], strict=True):
        yield label, operator, text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
