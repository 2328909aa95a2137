"""The stored custom resource definitions of add-ons, which are those of upstream without descriptions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml


def upstream_definitions(files: Iterable[Path]) -> list[Any]:
    """Return the documents of YAML files, without the descriptions of schemas."""
    return [
        without_descriptions(document)
        for path in sorted(files)
        for document in yaml.safe_load_all(path.read_text())
        if document
    ]


def patched(document: Any, operations: Iterable[Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a document with the operations `add` and `remove` of a JSON patch (RFC 6902)."""
    result = copy.deepcopy(document)
    for operation in operations:
        *parents, last = operation["path"].removeprefix("/").split("/")
        target = result
        for part in parents:
            target = target[int(part) if isinstance(target, list) else part]
        if operation["op"] == "remove":
            del target[last]
        elif isinstance(target, list):
            assert last == "-", operation
            target.append(operation["value"])
        else:
            assert operation["op"] == "add", operation
            target[last] = operation["value"]
    return result


def write_definitions(file: Path, documents: Iterable[Any]) -> None:
    """Write documents to a JSON file, each in a line of its own."""
    lines = [json.dumps(document, sort_keys=True, separators=(",", ":")) for document in documents]
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n")


def without_descriptions(value: Any, *, is_fields: bool = False) -> Any:  # noqa: ANN401 - JSON
    """Return a schema without descriptions. `is_fields`: the keys of a mapping are names of fields."""
    if isinstance(value, list):
        return [without_descriptions(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_descriptions(item, is_fields=key == "properties" and not is_fields)
        for key, item in value.items()
        if is_fields or key != "description"
    }


def closed_schema(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema that accepts only known fields, as the API server does with strict validation."""
    if isinstance(schema, list):
        return [closed_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed_schema(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result
