"""Shows the provenance of settings: the merged settings of a stack, and the file of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from policy.rules.secrets import describe_secret
from redaction import MASK
from redaction.secret_names import effective_name, is_secret_name
from settings.bases import Key, MergedConfig, is_secure

_PROVENANCE_COLUMN = 60


def format_settings(merged: MergedConfig) -> str:
    """Return the settings as YAML, with the name of the source file after each value.

    Encrypted values, values below a secret name, and values with the syntax of a secret are masked.
    """
    return "".join(f"{line}\n" for line in _yaml_lines(merged, _mask_secrets(merged.config), ()))


def _yaml_lines(merged: MergedConfig, mapping: Mapping[str, object], parent_key: Key) -> Iterator[str]:
    for name, value in mapping.items():
        key = (*parent_key, str(name))
        indent = "  " * len(parent_key)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_yaml_line(str(name))}:"
            yield from _yaml_lines(merged, value, key)
            continue
        first, *rest = f"{indent}{_yaml_line(str(name))}: {_yaml_line(value)}".splitlines()
        yield f"{first:<{_PROVENANCE_COLUMN}}  # {merged.provenance[key].name}"
        yield from rest


def _mask_secrets(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any YAML
    """Return the value with every secret masked. `name` is the name of the value."""
    if is_secure(value):
        return MASK
    if isinstance(value, Mapping):
        return {
            key: _mask_secrets(item, _inherited_name(name, effective_name(value, key)))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_mask_secrets(item, name) for item in value]
    if is_secret_name(name) and value not in (None, "", True, False):
        return MASK
    return MASK if isinstance(value, str) and describe_secret(name, value) else value


def _inherited_name(outer: str, name: str) -> str:
    """Return the name that decides whether an inner value is secret.

    The result is `outer` if it is a secret name, else `name`.

    Therefore all values below a secret name are secret.
    """
    return outer if is_secret_name(outer) else name


def _yaml_line(value: object) -> str:
    """Return a value as one line of YAML."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()
