"""Documents that people write in YAML, which allows some that nothing can be made of."""

from __future__ import annotations

import yaml

MOST_VALUES = 2_000_000
"""A stack of 5,000 hosts has less than a tenth of them; aliases of aliases make millions of a few lines."""
MOST_LEVELS = 100


def parse(text: str) -> object:
    """What a YAML document says, of plain values alone.

    Raises `yaml.YAMLError` for text that is no YAML, and for what has no end: an alias of what it is in,
    aliases that multiply, or more levels than anybody writes.
    """
    try:
        content: object = yaml.safe_load(text)
    except RecursionError:
        raise _endless() from None
    _size(content, {}, 0)
    return content


def _size(value: object, known: dict[int, int], level: int) -> int:
    """The number of values in a value, aliases counted wherever they stand."""
    if not isinstance(value, dict | list):
        return 1
    if level > MOST_LEVELS:
        raise _endless()
    size = known.get(id(value))
    if size is None:
        inner = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 1 + sum(_size(item, known, level + 1) for item in inner)
    if size > MOST_VALUES:
        raise yaml.YAMLError(f"aliases make more than {MOST_VALUES} values of it; write less by them")
    return size


def _endless() -> yaml.YAMLError:
    return yaml.YAMLError(f"an alias (*) of what it is in, or more than {MOST_LEVELS} levels; take it away")
