"""A resource's inputs: names made up, settings of the provider filled in, old ones made comparable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.common.values import UNKNOWN_VALUE, Properties, contains_unknown, plain, wrap
from lab.plugins.generic.assets import compared
from lab.plugins.generic.packages import Package
from lab.plugins.generic.sdk import ResourceType

DEFAULTS = "__defaults"
"""In an object, the names of those of its properties that the plugin made up (the bridged plugins' way)."""
_LONGEST_NAME = 64


def completed(
    package: Package,
    kind: ResourceType,
    name: str,
    olds: Properties,
    news: Properties,
    *,
    settings: Mapping[str, PropertyValue],
    seed: bytes,
) -> Properties:
    """The inputs with what the official plugin would fill in.

    `name`: the resource's in the program; `olds`, the inputs of the last deployment, keep a made-up
    name as it is; `settings`, the provider's own; `seed` makes a name random but repeatable.
    """
    inputs = {key: value for key, value in news.items() if value.value is not None}
    own = package.named(kind)
    made_up = []
    if own is not None and own not in inputs and f"{own}Prefix" not in inputs:
        inputs[own] = _kept(own, olds) or PropertyValue(_made_up(package, kind, name, seed))
        made_up.append(own)
    if package.name == "aws":
        inputs |= _tagged(kind, inputs, settings)
        # Azure's plugin keeps no such mark.
        inputs[DEFAULTS] = wrap(made_up)
    elif package.place in kind.inputs - inputs.keys() and package.place in settings:
        inputs[package.place] = settings[package.place]
    return inputs


def _kept(own: str, olds: Properties) -> PropertyValue | None:
    """The name made up before; a name that somebody gave once is not kept when it is given no more."""
    old = olds.get(own)
    if old is None or (DEFAULTS in olds and own not in (plain(olds[DEFAULTS]) or ())):
        return None
    return old


def _made_up(package: Package, kind: ResourceType, name: str, seed: bytes) -> str:
    digits = hashlib.sha256(seed + name.encode()).hexdigest()[: package.digits]
    longest = package.longest.get(kind.token, _LONGEST_NAME) - len(package.separator) - package.digits
    prefix = "alias/" if kind.token == "aws:kms/alias:Alias" else ""
    return f"{prefix}{name[:longest]}{package.separator}{digits}"


def _tagged(kind: ResourceType, inputs: Properties, settings: Mapping[str, PropertyValue]) -> Properties:
    """Tags with the provider's default tags below them, as the official plugin shows them."""
    common = settings.get("defaultTags")
    if common is None or "tags" not in kind.inputs or contains_unknown(common):
        return {}
    tags = (plain(common) or {}).get("tags") or {}
    given = inputs.get("tags", PropertyValue({}))
    if not tags or not isinstance(given.value, Mapping):
        return {}
    merged = {**{key: wrap(value) for key, value in tags.items()}, **given.value}
    return {"tags": PropertyValue(merged, is_secret=given.is_secret)}


def as_outputs(inputs: Properties, unlike: frozenset[str]) -> Properties:
    """Inputs as they stand in a state; where that has another form, only the real run knows it."""
    return {
        key: UNKNOWN_VALUE if key in unlike else _as_output(value, unlike)
        for key, value in inputs.items()
        if key != DEFAULTS
    }


def _as_output(value: PropertyValue, unlike: frozenset[str]) -> PropertyValue:
    inner = value.value
    if isinstance(inner, Mapping):
        return PropertyValue(as_outputs(dict(inner), unlike), is_secret=value.is_secret)
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return PropertyValue([_as_output(item, unlike) for item in inner], is_secret=value.is_secret)
    return value


def comparable(old: Properties, new: Properties) -> Properties:
    """Old inputs without what a plugin had filled in by itself and the new ones leave to it again."""
    return {key: _without_defaults(value, new.get(key)) for key, value in _own(old, new).items()}


def unmarked(inputs: Properties) -> Properties:
    """Inputs without the marks of what was filled in, at every depth."""
    return {key: _without_defaults(value, value) for key, value in inputs.items() if key != DEFAULTS}


def _own(old: Mapping[str, PropertyValue], new: Mapping[str, PropertyValue]) -> Properties:
    marks = plain(old[DEFAULTS]) if DEFAULTS in old else None
    filled_in = set(marks or ())
    return {
        key: value
        for key, value in old.items()
        if key != DEFAULTS and not (key in filled_in and key not in new)
    }


def _without_defaults(old: PropertyValue, new: PropertyValue | None) -> PropertyValue:
    old = compared(old)
    inner, other = old.value, new.value if new is not None else None
    if isinstance(inner, Mapping):
        against = other if isinstance(other, Mapping) else {}
        kept = {
            key: _without_defaults(value, against.get(key)) for key, value in _own(inner, against).items()
        }
        return PropertyValue(kept, is_secret=old.is_secret)
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        items = other if isinstance(other, Sequence) and not isinstance(other, str) else ()
        values = [
            _without_defaults(item, items[place] if place < len(items) else None)
            for place, item in enumerate(inner)
        ]
        return PropertyValue(values, is_secret=old.is_secret)
    return old
