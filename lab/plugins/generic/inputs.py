"""Inputs of a resource: generated names, settings of the provider, comparison with old inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from lab.plugins.generic.packages import Package
from lab.plugins.generic.sdk import ResourceType
from lab.plugins.runtime.values import UNKNOWN, Properties, Secret, Value, has_unknown, reveal, without_secret

DEFAULTS = "__defaults"
"""Key of an object's list of the properties that the plugin filled in (as in plugins bridged from Terraform).
"""
_MAX_NAME_LENGTH = 64


def complete_inputs(
    package: Package,
    kind: ResourceType,
    name: str,
    olds: Properties,
    news: Properties,
    *,
    settings: Mapping[str, Value],
    seed: bytes,
) -> Properties:
    """Return the new inputs `news` with the defaults of the official plugin.

    `name` is the name of the resource in the program. `olds` are the inputs of the last deployment, whose
    generated name is kept. `settings` are the inputs of the provider. The random part of a generated name
    depends only on `name` and `seed`.
    """
    inputs = {key: value for key, value in news.items() if value is not None}
    field = package.generated_name_input(kind)
    generated = []
    if field is not None and field not in inputs and f"{field}Prefix" not in inputs:
        inputs[field] = _previous_name(field, olds) or _generate_name(package, kind, name, seed)
        generated.append(field)
    if package.name == "aws":
        inputs |= _default_tags(kind, inputs, settings)
        # The Azure plugin does not record generated names.
        inputs[DEFAULTS] = generated
    elif package.location in kind.inputs - inputs.keys() and package.location in settings:
        inputs[package.location] = settings[package.location]
    return inputs


def has_explicit_name(package: Package, kind: ResourceType, inputs: Properties) -> bool:
    """Check whether the program sets the name that the plugin would otherwise generate.

    Only plugins bridged from Terraform record generated names (`DEFAULTS`). A name without this record counts
    as generated. The rule is `nameRequiresDeleteBeforeReplace` in pulumi-terraform-bridge.
    """
    field = package.generated_name_input(kind)
    if field is None or DEFAULTS not in inputs or inputs.get(field) is None:
        return False
    return field not in (reveal(inputs[DEFAULTS]) or ())


def _previous_name(field: str, olds: Properties) -> Value | None:
    """Return the generated name of the last deployment; None if the program set the name then."""
    if DEFAULTS in olds and field not in (reveal(olds[DEFAULTS]) or ()):
        return None
    return olds.get(field)


def _generate_name(package: Package, kind: ResourceType, name: str, seed: bytes) -> str:
    digits = hashlib.sha256(seed + name.encode()).hexdigest()[: package.digits]
    length = package.max_name_lengths.get(kind.token, _MAX_NAME_LENGTH)
    length -= len(package.separator) + package.digits
    prefix = "alias/" if kind.token == "aws:kms/alias:Alias" else ""
    return f"{prefix}{name[:length]}{package.separator}{digits}"


def _default_tags(kind: ResourceType, inputs: Properties, settings: Mapping[str, Value]) -> Properties:
    """Return the input `tags` merged with the provider's default tags; empty without default tags."""
    default_tags = settings.get("defaultTags")
    if default_tags is None or "tags" not in kind.inputs or has_unknown(default_tags):
        return {}
    defaults = (reveal(default_tags) or {}).get("tags") or {}
    program_tags = inputs.get("tags", {})
    own_tags = without_secret(program_tags)
    if not defaults or not isinstance(own_tags, Mapping):
        return {}
    merged = {**defaults, **own_tags}
    return {"tags": Secret(merged) if isinstance(program_tags, Secret) else merged}


def as_outputs(inputs: Properties, unlike: frozenset[str]) -> Properties:
    """Return the outputs that a preview assumes for these inputs.

    The names in `unlike` are properties whose output differs from the input: their outputs are unknown.
    """
    return {
        key: UNKNOWN if key in unlike else _as_output(value, unlike)
        for key, value in inputs.items()
        if key != DEFAULTS
    }


def _as_output(value: Value, unlike: frozenset[str]) -> Value:
    if isinstance(value, Secret):
        return Secret(_as_output(value.value, unlike))
    if isinstance(value, Mapping):
        return as_outputs(dict(value), unlike)
    if isinstance(value, list):
        return [_as_output(item, unlike) for item in value]
    return value


def comparable_inputs(old: Properties, new: Properties) -> Properties:
    """Return the old inputs that can be compared with the new inputs.

    An old input that has a default of the plugin is omitted, unless the new inputs set it.
    """
    return {key: _without_defaults(value, new.get(key)) for key, value in _provided_inputs(old, new).items()}


def without_defaults(inputs: Properties) -> Properties:
    """Return the inputs without the lists of defaults (key `DEFAULTS`), at every depth."""
    return {key: _without_defaults(value, value) for key, value in inputs.items() if key != DEFAULTS}


def _provided_inputs(old: Mapping[str, Value], new: Mapping[str, Value]) -> Properties:
    defaults = set(reveal(old.get(DEFAULTS)) or ())
    return {
        key: value
        for key, value in old.items()
        if key != DEFAULTS and not (key in defaults and key not in new)
    }


def _without_defaults(old: Value, new: Value) -> Value:
    new = without_secret(new)
    if isinstance(old, Secret):
        return Secret(_without_defaults(old.value, new))
    if isinstance(old, Mapping):
        against = new if isinstance(new, Mapping) else {}
        return {
            key: _without_defaults(value, against.get(key))
            for key, value in _provided_inputs(old, against).items()
        }
    if isinstance(old, list):
        items = new if isinstance(new, list) else []
        return [
            _without_defaults(item, items[index] if index < len(items) else None)
            for index, item in enumerate(old)
        ]
    return old
