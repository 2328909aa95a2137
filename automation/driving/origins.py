"""`settings`: the merged description of a stack, each value with the file that it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from policy.rules.forms import named
from settings.bases import Key, Merged, is_secure

_MASK = "[secret]"
_COLUMN = 60


def show(merged: Merged) -> str:
    """The settings as YAML, with the file's name behind each value. Secrets are masked."""
    return "".join(f"{line}\n" for line in _lines(merged, merged.config, ()))


def _lines(merged: Merged, tree: Mapping[str, object], at: Key) -> Iterator[str]:
    for name, value in tree.items():
        key = (*at, str(name))
        indent = "  " * len(at)
        if isinstance(value, Mapping) and value and not is_secure(value):
            yield f"{indent}{_text(str(name))}:"
            yield from _lines(merged, value, key)
            continue
        if value is None:
            continue  # it is as if it were not there, in a file without a base, too
        shown = _text(_veiled(str(name), value))
        first, *rest = f"{indent}{_text(str(name))}: {shown}".splitlines()
        yield f"{first:<{_COLUMN}}  # {merged.origins[key].name}"
        yield from rest


def _veiled(name: str, value: object) -> object:
    """The value with a mask for what is encrypted, and for what its key says is a secret."""
    if is_secure(value) or (named(name) and isinstance(value, str | int)):
        return _MASK
    if isinstance(value, Mapping):
        return {key: _veiled(str(key), item) for key, item in value.items()}
    return [_veiled(name, item) for item in value] if isinstance(value, list) else value


def _text(value: object) -> str:
    """A value on one line of YAML."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()
