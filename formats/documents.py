"""Parser of YAML documents, with limits for the number and the depth of values."""

from __future__ import annotations

from typing import Any

import yaml

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Loader for YAML that this project or a tool has written: that of libyaml, which is ten times as fast, if
PyYAML has it. It has no limits of its own: `parse_yaml` is for the documents of users.
"""

MAX_VALUES = 2_000_000
"""Maximum number of values in a document. A stack file of 5,000 hosts has less than a tenth of this number.
The limit stops documents in which a few lines of nested aliases expand to millions of values.
"""
MAX_LEVELS = 100
"""Maximum depth of nested mappings and lists in a document."""


def parse_yaml(text: str) -> object:
    """Return the content of a YAML document as plain values: mappings, lists, texts, numbers.

    Raise `yaml.YAMLError` for text that is not YAML, for an alias inside its own anchor, for aliases that
    expand to more than `MAX_VALUES` values, and for more than `MAX_LEVELS` levels.
    """
    try:
        content: object = yaml.safe_load(text)
    except RecursionError:
        raise _depth_error() from None
    _count_values(content, {}, 0)
    return content


def _count_values(value: object, known_sizes: dict[int, int], level: int) -> int:
    """Return the number of values in a mapping or list, itself included, with every alias expanded.

    `known_sizes` has the numbers of values that were already counted, by object id. Raise YAMLError for more
    than `MAX_VALUES` values or `MAX_LEVELS` levels.
    """
    if not isinstance(value, dict | list):
        return 1
    if level > MAX_LEVELS:
        raise _depth_error()
    size = known_sizes.get(id(value))
    if size is None:
        items = value.values() if isinstance(value, dict) else value
        size = known_sizes[id(value)] = 1 + sum(_count_values(item, known_sizes, level + 1) for item in items)
    if size > MAX_VALUES:
        raise yaml.YAMLError(f"aliases expand to more than {MAX_VALUES} values; use fewer aliases")
    return size


def _depth_error() -> yaml.YAMLError:
    return yaml.YAMLError(
        f"an alias (*) inside its own anchor (&), or more than {MAX_LEVELS} levels; remove the alias"
    )
