"""Several environments from one base: a stack file names a base, and overrides its settings key by key.

Mappings are merged, everything else is replaced as a whole, lists too; `null` takes a key of the base
away (in a file without a base it stays what it is). Chains are allowed.
The engine and the program see the merged result alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "kubewright:base"
"""The key of a stack file's `config` that names the base: a file in the same directory."""

SECURE = "secure"
"""The one key of a value that the engine has encrypted."""

Key = tuple[str, ...]
Document = dict[str, object]


class BaseError(ValueError):
    """A base that cannot be used; one line that names the file, the field and what to do."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A stack file's `config` over those of its bases.

    `origins` has for each value, by the keys on the way to it, the file that it is from; an empty
    mapping is a value. `files` are the stack file and its bases, in this order.
    """

    config: Document
    origins: Mapping[Key, Path]
    files: tuple[Path, ...]


def merged(path: Path, read: Callable[[Path], Document]) -> Merged:
    """The stack file with its bases; `read` gives the `config` mapping of a file, or raises.

    Raises BaseError for a base that is none, is its own base, or holds encrypted values.
    """
    files = [path]
    layers = [dict(read(path))]
    while (name := layers[-1].pop(BASE, None)) is not None:
        base = _beside(files[-1], name)
        if base.resolve() in [file.resolve() for file in files]:
            chain = " -> ".join(file.name for file in (*files, base))
            raise BaseError(f"{files[-1].name}: {BASE}: {chain}: a file is its own base; take one away")
        layer = dict(read(base))
        for key, _ in _encrypted(layer, ()):
            raise BaseError(_foreign(base, key))
        files.append(base)
        layers.append(layer)
    origins: dict[Key, Path] = {}
    if len(files) == 1:
        _note(layers[0], path, (), origins)
        return Merged(layers[0], origins, (path,))
    config: Document = {}
    for file, layer in zip(reversed(files), reversed(layers), strict=True):
        _lay(config, layer, file, (), origins)
    return Merged(config, origins, tuple(files))


def is_secure(value: object) -> bool:
    """Whether a value is one that the engine has encrypted: `{secure: …}`."""
    return isinstance(value, Mapping) and list(value) == [SECURE]


def readable(value: Any, placeholder: str) -> Any:  # noqa: ANN401  JSON of any shape
    """The value with a placeholder for all that the engine has encrypted: for who needs none of it."""
    if is_secure(value):
        return placeholder
    if isinstance(value, Mapping):
        return {key: readable(item, placeholder) for key, item in value.items()}
    return [readable(item, placeholder) for item in value] if isinstance(value, list) else value


def _beside(file: Path, name: object) -> Path:
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise BaseError(
            f"{file.name}: {BASE}: {name!r}: must be the name of a file beside it, such as Pulumi.base.yaml"
        )
    return file.with_name(name)


def _lay(under: Document, over: Mapping[str, object], file: Path, at: Key, origins: dict[Key, Path]) -> None:
    """Lays a mapping over another, in place, and notes what is from `file`."""
    for name, value in over.items():
        key = (*at, str(name))
        below = under.get(name)
        if _is_tree(value) and isinstance(below, dict) and not is_secure(below):
            origins.pop(key, None)  # it was an empty mapping
            _lay(below, value, file, key, origins)  # type: ignore[arg-type]  # _is_tree saw a mapping
            if not below:
                origins[key] = file  # or it is one now
            continue
        if name in under:
            _forget(origins, key)
            del under[name]
        if value is not None:
            under[name] = _without_nulls(value)
            _note(under[name], file, key, origins)


def _without_nulls(value: object) -> object:
    if not isinstance(value, Mapping) or is_secure(value):
        return value
    return {name: _without_nulls(item) for name, item in value.items() if item is not None}


def _note(value: object, file: Path, at: Key, origins: dict[Key, Path]) -> None:
    """Notes everything in the value as from `file`."""
    if isinstance(value, Mapping) and value and not is_secure(value):
        for name, item in value.items():
            _note(item, file, (*at, str(name)), origins)
    else:
        origins[at] = file


def _is_tree(value: object) -> bool:
    return isinstance(value, Mapping) and not is_secure(value)


def _forget(origins: dict[Key, Path], key: Key) -> None:
    for known in [known for known in origins if known[: len(key)] == key]:
        del origins[known]


def _encrypted(value: object, at: Key) -> Iterator[tuple[Key, object]]:
    if is_secure(value):
        yield at, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _encrypted(item, (*at, str(name)))
    elif isinstance(value, list):
        for item in value:
            yield from _encrypted(item, at)


def _foreign(base: Path, key: Key) -> str:
    return (
        f"{base.name}: {'.'.join(key)}: is encrypted, but each stack has a key of its own; "
        "encrypt it in the stack file"
    )
