"""Patches of rendered Kubernetes manifests. Helm runs this file as a program, so it imports no other module.

`python manifest_patches.py PATCHES` reads a manifest from standard input and writes it with the patches of a
JSON file. Objects that no patch selects keep their text.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_SEPARATOR = re.compile(r"^---[ \t]*(?:#.*)?\n?", re.MULTILINE)
_REPLACED = ("timestamp", "int", "float")
_DIGITS = list("-+0123456789")
Json = Any
"""A value of JSON."""


class PatchError(Exception):
    """A patch that cannot be applied. The message names the patch and no values of objects."""


class _Loader(yaml.SafeLoader):
    """A loader that reads the same scalars as Helm: no dates, and no numbers such as `8080:80`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0b[01_]+|0|0o?[0-7_]+|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    _DIGITS,
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    [*_DIGITS, "."],
)


def patch_manifest(manifest: str, patches: Sequence[Mapping[str, Json]]) -> str:
    """Return a manifest with patches in their order. Raise PatchError.

    A patch has `target` with `kind` and maybe `name`, and `merge` (RFC 7396) or `operations` (RFC 6902).
    """
    used: set[int] = set()
    documents = [_patch_document(text, patches, used) for text in _SEPARATOR.split(manifest)]
    for number, patch in enumerate(patches):
        if number not in used:
            target = patch["target"]
            name = f" with the name {target['name']}" if target.get("name") else ""
            raise PatchError(
                f"patches[{number}].target: the chart has no {target['kind']}{name}; correct the target"
            )
    return "".join(f"---\n{text}\n" for text in documents if text.strip())


def _patch_document(text: str, patches: Sequence[Mapping[str, Json]], used: set[int]) -> str:
    """Return a document with the patches that select it. Add the positions of these patches to `used`."""
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        raise PatchError("the chart renders a document that is not YAML; correct the values") from None
    if not isinstance(content, dict):
        return text.rstrip("\n")
    selected = [number for number, patch in enumerate(patches) if _selects(patch["target"], content)]
    for number in selected:
        content = _apply(content, patches[number], f"patches[{number}]")
    used.update(selected)
    return json.dumps(content, allow_nan=False) if selected else text.rstrip("\n")


def _selects(target: Mapping[str, str], content: Mapping[str, Json]) -> bool:
    name = (content.get("metadata") or {}).get("name")
    return content.get("kind") == target["kind"] and target.get("name") in (None, name)


def _apply(content: dict[str, Json], patch: Mapping[str, Json], where: str) -> dict[str, Json]:
    if patch.get("merge") is not None:
        merged: dict[str, Json] = _merge(content, patch["merge"])
        return merged
    result = copy.deepcopy(content)
    for number, operation in enumerate(patch.get("operations") or ()):
        _operate(result, operation, f"{where}.operations[{number}]: {operation['path']}")
    return result


def _merge(lower: Json, upper: Json) -> Json:
    """Return a value after a merge patch: mappings key by key, null removes, and all else replaces."""
    if not isinstance(upper, Mapping):
        return upper
    result = dict(lower) if isinstance(lower, Mapping) else {}
    for key, value in upper.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


def _operate(content: Json, operation: Mapping[str, Json], where: str) -> None:
    """Apply an operation to a value in place."""
    *parents, last = _tokens(operation["path"])
    for token in parents:
        content = _child(content, token, where)
    kind = operation["op"]
    if isinstance(content, list):
        position = len(content) if last == "-" and kind == "add" else _position(content, last, kind, where)
        if kind == "add":
            content.insert(position, operation.get("value"))
        elif kind == "remove":
            del content[position]
        else:
            content[position] = operation.get("value")
        return
    if not isinstance(content, dict) or (kind != "add" and last not in content):
        raise PatchError(f"{where}: no such field; correct the path")
    if kind == "remove":
        del content[last]
    else:
        content[last] = operation.get("value")


def _tokens(path: str) -> Iterator[str]:
    """Yield the parts of a JSON pointer (RFC 6901)."""
    yield from (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def _child(content: Json, token: str, where: str) -> Json:
    if isinstance(content, list):
        return content[_position(content, token, "replace", where)]
    if not isinstance(content, dict) or token not in content:
        raise PatchError(f"{where}: no such field; correct the path")
    return content[token]


def _position(content: list[Json], token: str, kind: str, where: str) -> int:
    """Return a position in a list. An element can be added at the end."""
    limit = len(content) + (1 if kind == "add" else 0)
    if not token.isdigit() or int(token) >= limit:
        raise PatchError(f"{where}: the list has {len(content)} elements; correct the path")
    return int(token)


if __name__ == "__main__":
    try:
        print(patch_manifest(sys.stdin.read(), json.loads(Path(sys.argv[1]).read_text())), end="")
    except PatchError as error:
        sys.exit(str(error))
