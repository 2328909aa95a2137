"""`settings`: the merged description of a stack, each value with the file that it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from policy.rules.secrets import secret_in
from redaction.redactor import MASK
from redaction.secret_names import called_in, names_a_secret
from settings.bases import Key, Merged, is_secure

_COLUMN = 60


def show(merged: Merged) -> str:
    """The settings as YAML, with the file's name behind each value.

    Masked are encrypted values, everything below a key that names a secret, and what has a secret's form.
    """
    return "".join(f"{line}\n" for line in _lines(merged, _masked(merged.config), ()))


def _lines(merged: Merged, tree: Mapping[str, object], at: Key) -> Iterator[str]:
    for name, value in tree.items():
        key = (*at, str(name))
        indent = "  " * len(at)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_text(str(name))}:"
            yield from _lines(merged, value, key)
            continue
        first, *rest = f"{indent}{_text(str(name))}: {_text(value)}".splitlines()
        yield f"{first:<{_COLUMN}}  # {merged.origins[key].name}"
        yield from rest


def _masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any YAML
    """The value with one word for each secret, whatever it stands in; `name` is what it is called."""
    if is_secure(value):
        return MASK
    if isinstance(value, Mapping):
        return {key: _masked(item, _inner(name, called_in(value, key))) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, name) for item in value]
    if names_a_secret(name) and value not in (None, "", True, False):
        return MASK
    return MASK if isinstance(value, str) and secret_in(name, value) else value


def _inner(outer: str, name: str) -> str:
    """What is below a secret is secret, whatever its name."""
    return outer if names_a_secret(outer) else name


def _text(value: object) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()
