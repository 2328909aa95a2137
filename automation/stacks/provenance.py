"""`settings`: the merged description of a stack, each value with the file that it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from policy.rules.secrets import describe_secret
from redaction import MASK
from redaction.secret_names import effective_name, is_secret_name
from settings.bases import Key, MergedConfig, is_secure

_COLUMN = 60


def format_settings(merged: MergedConfig) -> str:
    """The settings as YAML, with the file's name behind each value.

    Masked are encrypted values, everything below a key that names a secret, and what has a secret's form.
    """
    return "".join(f"{line}\n" for line in _lines(merged, _masked(merged.config), ()))


def _lines(merged: MergedConfig, tree: Mapping[str, object], at: Key) -> Iterator[str]:
    for name, value in tree.items():
        key = (*at, str(name))
        indent = "  " * len(at)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_text(str(name))}:"
            yield from _lines(merged, value, key)
            continue
        first, *rest = f"{indent}{_text(str(name))}: {_text(value)}".splitlines()
        yield f"{first:<{_COLUMN}}  # {merged.provenance[key].name}"
        yield from rest


def _masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any YAML
    """The value with one word for each secret, whatever it stands in; `name` is what it is called."""
    if is_secure(value):
        return MASK
    if isinstance(value, Mapping):
        return {key: _masked(item, _inner(name, effective_name(value, key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, name) for item in value]
    if is_secret_name(name) and value not in (None, "", True, False):
        return MASK
    return MASK if isinstance(value, str) and describe_secret(name, value) else value


def _inner(outer: str, name: str) -> str:
    """What is below a secret is secret, whatever its name."""
    return outer if is_secret_name(outer) else name


def _text(value: object) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()
