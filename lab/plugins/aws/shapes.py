"""Checks of parameters against the constraints of botocore's service models that botocore does not check.

Botocore checks types, required members and minimum lengths. This module checks patterns, maximum lengths,
ranges and the values of enumerations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

_CLASSES = {"L": r"a-zA-Z\u00aa-\uffff", "N": r"0-9", "Z": r"\s", "S": r"$+<=>^`|~", "P": r"!-/:-@\[-`{-~"}
# Unicode classes, which `re` does not have. \u00aa to \uffff also contain characters of other classes.
_CLASS = re.compile(r"\\p\{(?:Is)?([A-Z])[a-z]?\}")
_JAVA = {
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",  # characters beyond U+FFFF
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\p{all}": r"\s\S",
    r"\w-": r"\w\-",
}
"""Parts of patterns that Java accepts and `re` does not, with their translation."""
_SIZED = ("list", "map", "string", "blob")


def find_problems(shape: Shape | None, value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 — JSON
    """Yield a problem for each value that violates a constraint of its shape.

    `path` is the path of `value`.
    """
    if shape is None or value is None:
        return
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, item in value.items():
            yield from find_problems(shape.members.get(name), item, f"{path}.{name}".lstrip("."))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_problems(shape.member, item, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from find_problems(shape.key, key, f"{path}[{key!r}]")
            yield from find_problems(shape.value, item, f"{path}[{key!r}]")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        yield from _text_problems(shape, value, path)
    yield from _size_problems(shape, value, path)


def _text_problems(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum[:8])}{' …' if len(shape.enum) > 8 else ''}"
    pattern = compile_pattern(shape.metadata.get("pattern", ""))
    if pattern is not None and not pattern.fullmatch(value):
        yield f"{path}: {value[:80]!r} does not match {shape.metadata['pattern']}"


def _size_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    if isinstance(value, bool):
        return
    if shape.type_name in _SIZED and isinstance(value, list | Mapping | str | bytes):
        size: float = len(value)
        name = "length"
    elif isinstance(value, int | float):
        size, name = value, "value"
    else:
        return
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if lowest is not None and size < float(lowest):
        yield f"{path}: the {name} is {size}, below {lowest}"
    if highest is not None and size > float(highest):
        yield f"{path}: the {name} is {size}, above {highest}"


@cache
def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """Return the pattern for `re`; None without a pattern.

    Raise re.error for a pattern that `re` cannot express.
    """
    if not pattern:
        return None
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    translated = _CLASS.sub(lambda match: _CLASSES.get(match[1], r"\w"), pattern)
    return re.compile(translated)
