"""Stack files that extend a base.

A stack file names a base and overrides settings of the base key by key: mappings are merged, all other
values (lists, too) are replaced, and `null` removes a key of the base. A base may have a base. The engine
and the program get only the merged result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings.problem import SettingPath

BASE_KEY = "kubewright:base"
"""The key in a stack file's `config` for the name of the base, which is a file in the same directory."""

ENCRYPTED_KEY = "secure"
"""The only key in a value that the engine has encrypted."""

Key = tuple[str, ...]
"""The path of a value in `config`: the keys from the outermost mapping to the value."""
Document = dict[str, object]
"""The `config` mapping of a stack file."""


class BaseError(ValueError):
    """Error for a base that cannot be used.

    The text is a line with the file, the field and the action to take.
    """


@dataclass(frozen=True, slots=True)
class MergedConfig:
    """The `config` of a stack file merged with its bases.

    `provenance` maps the path of each value to the file of the value. An empty mapping counts as a value; the
    items of other mappings are listed instead of the mapping. `files` are the stack file and its bases, in
    this order.
    """

    config: Document
    provenance: Mapping[Key, Path]
    files: tuple[Path, ...]


def merge_bases(path: Path, read: Callable[[Path], Document]) -> MergedConfig:
    """Return the stack file merged with its bases.

    `read` returns the `config` mapping of a file. Raise BaseError for a base that has an invalid name,
    extends itself, or contains encrypted values.
    """
    files = [path]
    layers = [dict(read(path))]
    while (name := layers[-1].pop(BASE_KEY, None)) is not None:
        base = _base_path(files[-1], name)
        if base.resolve() in [file.resolve() for file in files]:
            chain = " -> ".join(file.name for file in (*files, base))
            raise BaseError(
                f"{files[-1].name}: {BASE_KEY}: {chain}: a file extends itself; remove one {BASE_KEY}"
            )
        layer = dict(read(base))
        for encrypted in encrypted_paths(layer):
            raise BaseError(_encrypted_message(base, encrypted))
        files.append(base)
        layers.append(layer)
    provenance: dict[Key, Path] = {}
    if len(files) == 1:
        _record_provenance(layers[0], path, (), provenance)
        return MergedConfig(layers[0], provenance, (path,))
    config: Document = {}
    for file, layer in zip(reversed(files), reversed(layers), strict=True):
        _merge_layer(config, layer, file, (), provenance)
    return MergedConfig(config, provenance, tuple(files))


def is_secure(value: object) -> bool:
    """Check whether the engine has encrypted a value: `{secure: …}`."""
    return isinstance(value, Mapping) and list(value) == [ENCRYPTED_KEY]


def replace_encrypted(value: Any, placeholder: str) -> Any:  # noqa: ANN401  JSON of any shape
    """Return a copy of the value with a placeholder in place of each encrypted value."""
    if is_secure(value):
        return placeholder
    if isinstance(value, Mapping):
        return {key: replace_encrypted(item, placeholder) for key, item in value.items()}
    return [replace_encrypted(item, placeholder) for item in value] if isinstance(value, list) else value


def contains_encrypted(value: object) -> bool:
    """Check whether the value is encrypted or contains an encrypted value at any depth."""
    return next(encrypted_paths(value), None) is not None


def encrypted_paths(value: object, path: SettingPath = ()) -> Iterator[SettingPath]:
    """Yield the path of every encrypted value inside `value`. `path` is the path of `value` itself."""
    if is_secure(value):
        yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from encrypted_paths(item, (*path, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from encrypted_paths(item, (*path, number))


def _base_path(file: Path, name: object) -> Path:
    """Return the path of the base `name`, which is in the directory of the stack file `file`.

    Raise BaseError if `name` is not a plain file name.
    """
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise BaseError(
            f"{file.name}: {BASE_KEY}: {name!r}: must be the name of a file in the same directory, "
            "such as Pulumi.base.yaml"
        )
    return file.with_name(name)


def _merge_layer(
    target: Document, layer: Mapping[str, object], file: Path, path: Key, provenance: dict[Key, Path]
) -> None:
    """Merge `layer`, the mapping at `path` in `file`, into `target` in place. Record the provenance."""
    for name, value in layer.items():
        key = (*path, str(name))
        lower = target.get(name)
        if _is_mapping(value) and isinstance(lower, dict) and not is_secure(lower):
            provenance.pop(key, None)  # an empty mapping in `target` was recorded as a value
            # _is_mapping checked the type of the value.
            _merge_layer(lower, value, file, key, provenance)  # type: ignore[arg-type]
            if not lower:
                provenance[key] = file
            continue
        if name in target:
            _remove_provenance(provenance, key)
            del target[name]
        if value is not None:
            target[name] = _without_nulls(value)
            _record_provenance(target[name], file, key, provenance)


def _without_nulls(value: object) -> object:
    if not isinstance(value, Mapping) or is_secure(value):
        return value
    return {name: _without_nulls(item) for name, item in value.items() if item is not None}


def _record_provenance(value: object, file: Path, path: Key, provenance: dict[Key, Path]) -> None:
    """Record `file` as the provenance of the value and of all nested values."""
    if isinstance(value, Mapping) and value and not is_secure(value):
        for name, item in value.items():
            _record_provenance(item, file, (*path, str(name)), provenance)
    else:
        provenance[path] = file


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping) and not is_secure(value)


def _remove_provenance(provenance: dict[Key, Path], key: Key) -> None:
    """Remove the provenance of the value `key` and of all nested values."""
    for recorded in [recorded for recorded in provenance if recorded[: len(key)] == key]:
        del provenance[recorded]


def _encrypted_message(base: Path, path: SettingPath) -> str:
    return (
        f"{base.name}: {'.'.join(map(str, path))}: is encrypted, but each stack has its own key; "
        "move the value to the stack file"
    )
