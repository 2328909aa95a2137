"""The very lines that differ between what a resource was given and what it will be given."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from automation.report.model import Line, Property
from automation.stacks.events import Step, Values
from nodeconfig.parse import file_at
from redaction import MASK

_CONTEXT = 2
"""Unchanged lines shown before and after those that differ."""


def properties(step: Step) -> tuple[Property, ...]:
    """The inputs that differ, with their lines. Of a resource that comes or goes none: it is whole."""
    if not step.old or not step.new:
        return ()
    return tuple(_differing(step.old, step.new, {path.split(".")[0].split("[")[0] for path in step.paths}))


def _differing(old: Values, new: Values, told: set[str]) -> Iterator[Property]:
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if MASK in (before, after) and before != after:
            yield Property(key, secret=True)
        elif before != after:
            yield Property(key, tuple(difference(_text(before), _text(after))))
        elif key in told and _has_secret(after):
            yield Property(key, secret=True)


def difference(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    """The lines that go and come, each with a little around it; `@` names the file that they are of."""
    # What both begin and end with takes no comparing: of a thousand hosts that is nearly everything.
    head = max(0, _common(old, new) - _CONTEXT)
    rest = min(len(old), len(new)) - head
    tail = max(0, min(rest, _common(old[::-1], new[::-1])) - _CONTEXT)
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first = next(code for code in group if code[0] != "equal")
        yield Line("@", file_at(new, head + first[3]) or file_at(old, head + first[1]))
        for verb, old_from, old_to, new_from, new_to in group:
            if verb == "equal":
                yield from (Line(" ", text) for text in b[new_from:new_to])
                continue
            yield from (Line("-", text) for text in a[old_from:old_to])
            yield from (Line("+", text) for text in b[new_from:new_to])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _text(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """A value as lines: a text's own, anything else as YAML."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()
    written: str = yaml.safe_dump(value, sort_keys=True, default_flow_style=False, allow_unicode=True)
    return written.removesuffix("...\n").splitlines()


def _has_secret(value: Any) -> bool:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    return any(map(_has_secret, value)) if isinstance(value, list) else value == MASK
