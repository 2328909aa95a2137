"""Between the engine's property values and plain Python data."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

Properties = dict[str, PropertyValue]
Plain = Any
"""None, bool, int, float, str, list, dict, or a Pulumi asset or archive."""

UNKNOWN_VALUE = PropertyValue(UNKNOWN)
"""What stands in a preview for a value that only the real run will know."""


def plain(value: PropertyValue) -> Plain:
    """The value without marks of secrecy; whole numbers become int."""
    inner = value.value
    if isinstance(inner, float) and not isinstance(inner, bool):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    return inner


def plain_map(properties: Mapping[str, PropertyValue]) -> dict[str, Plain]:
    """The same for a resource's properties; those that are null are left out."""
    return {key: plain(value) for key, value in properties.items() if value.value is not None}


def wrap(value: Plain, *, secret: bool = False) -> PropertyValue:
    """A property value of plain data, marked secret as a whole when asked."""
    if isinstance(value, PropertyValue):
        return value.with_secret(True) if secret else value
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value, is_secret=secret)
    if isinstance(value, int | float):
        return PropertyValue(float(value), is_secret=secret)
    if isinstance(value, Mapping):
        return PropertyValue({key: wrap(item) for key, item in value.items()}, is_secret=secret)
    if isinstance(value, Sequence):
        return PropertyValue([wrap(item) for item in value], is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def is_unknown(value: PropertyValue) -> bool:
    """Whether the value itself is one that a preview does not know."""
    return isinstance(value.value, str) and value.value == UNKNOWN


def contains_unknown(value: PropertyValue) -> bool:
    """Whether the value, or anything inside it, is not known yet."""
    inner = value.value
    if isinstance(inner, Mapping):
        return any(contains_unknown(item) for item in inner.values())
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return any(contains_unknown(item) for item in inner)
    return is_unknown(value)


def as_secret(value: PropertyValue) -> PropertyValue:
    """The value as one secret, without secrets inside it."""
    return _unmarked(value).with_secret(True)


def _unmarked(value: PropertyValue) -> PropertyValue:
    inner = value.value
    if isinstance(inner, Mapping):
        return PropertyValue({key: _unmarked(item) for key, item in inner.items()})
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return PropertyValue([_unmarked(item) for item in inner])
    return PropertyValue(inner)
