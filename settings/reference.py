"""Generator of the reference of all settings: docs/settings.md and docs/settings.schema.json.

`python -m settings.reference` writes both files. The schema describes a whole stack file for editors. It
marks no key as required and allows `null`, because a stack file may override single keys of its base;
`kubewright preview` reports keys that are missing after the merge.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from settings.bases import BASE
from settings.cluster import Settings
from settings.problem import OBJECT

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKDOWN, SCHEMA = DOCS / "settings.md", DOCS / "settings.schema.json"
LAB = "kubewright:lab"

_WIDTH = 116
_HEAD = f"""\
# Settings

Every key of a stack file (`Pulumi.<stack>.yaml`), under `config` → `{OBJECT}`. This file is generated from
the models in `settings/` by `python -m settings.reference`.

A description names the unit and the reason of a default where they are not obvious. `<name>` stands for a key
that you choose, `[]` for the items of a list. Sizes are Kubernetes quantities such as `4Gi`. File names may
begin with `~`, `$KUBEWRIGHT_STATE` or `$KUBEWRIGHT_CACHE`. Editors check and complete a stack file that
begins with this line:

```yaml
# yaml-language-server: $schema=docs/settings.schema.json
```

`config` has two more keys:

- `{LAB}`: makes the stack a lab on this machine; its only key `network` is the IPv4 range of the lab's hosts.
- `{BASE}`: file name of the base, a file in the same directory whose settings this file overrides key by key.
"""
_TOP = {
    LAB: {
        "type": "object",
        "description": "Makes the stack a lab on this machine.",
        "properties": {"network": {"type": "string", "description": "IPv4 range of the lab's hosts."}},
        "additionalProperties": False,
        "required": ["network"],
    },
    BASE: {
        "type": "string",
        "description": "File name of the base, in the same directory; this file overrides its settings.",
    },
}
_ENGINE_KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")
_SECURE = {"type": "object", "properties": {"secure": {"type": "string"}}, "additionalProperties": False}
_Schema = dict[str, Any]


def markdown() -> str:
    """Return the text of docs/settings.md."""
    return "\n".join([_HEAD, *_section(Settings, "")])


def schema() -> _Schema:
    """Return the JSON Schema of a stack file."""
    cluster = Settings.model_json_schema()
    definitions = {name: _relaxed(item) for name, item in cluster.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of Kubewright",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {OBJECT: _relaxed(cluster), **_TOP},
                # Keys of other namespaces configure engine plugins.
                "patternProperties": {"^(?!kubewright:)[^:]+:.+$": {}},
                "additionalProperties": False,
            },
            **{key: {"type": "string"} for key in _ENGINE_KEYS},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def schema_text() -> str:
    """Return the text of docs/settings.schema.json."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the path and the definition of every field of a section and of its subsections."""
    for name, field in model.model_fields.items():
        at = f"{path}.{name}" if path else name
        yield at, field
        below = _model_of(field.annotation)
        if below:
            yield from fields(below[0], at + below[1])


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the lines of a section, then the lines of its subsections. Each subsection appears once, under
    its first path.
    """
    definitions = model.model_json_schema()
    if path:
        yield f"## {path}\n"
        yield "\n".join(textwrap.wrap(" ".join((model.__doc__ or "").split()), _WIDTH)) + "\n"
    for name, field in model.model_fields.items():
        facts = ", ".join(_facts(field, definitions["properties"][name], definitions.get("$defs", {})))
        text = f"- `{name}` ({facts}): {field.description}"
        yield "\n".join(textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    yield ""
    for name, field in model.model_fields.items():
        below = _model_of(field.annotation)
        if below:
            at = (f"{path}." if path else "") + name + below[1]
            yield from _section(below[0], at)


def _facts(field: FieldInfo, item: _Schema, definitions: Mapping[str, _Schema]) -> Iterator[str]:
    yield _type(item, definitions)
    if field.is_required():
        yield "required"
    elif item.get("type") == "string" and isinstance(item.get("default"), list):
        yield "default `" + "-".join(map(str, item["default"])) + "`"  # a range of ports
    elif "default" in item and item["default"] not in (None, "", [], {}) and not _model_of(field.annotation):
        yield f"default {_value(item['default'])}"


def _value(default: object) -> str:
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{json.dumps(default)}`" if isinstance(default, bool) else f"`{default}`"


def _type(item: _Schema, definitions: Mapping[str, _Schema]) -> str:
    """Return a description of a value's type."""
    if "$ref" in item:
        item = definitions[item["$ref"].rpartition("/")[2]]
    if "anyOf" in item:
        kinds = [_type(one, definitions) for one in item["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in item:
        return "one of " + ", ".join(f"`{value}`" for value in item["enum"])
    kind = item.get("type", "any")
    if kind == ["string", "number"]:
        return "quantity"
    if kind == "array":
        return f"list of {_type(item['items'], definitions)}" if "items" in item else "list"
    if kind == "object":
        return "mapping"
    words = {"string": "text", "boolean": "true or false"}
    text = words.get(str(kind), str(kind))
    if {"minimum", "maximum"} <= set(item):
        return f"{text} {item['minimum']} to {item['maximum']}"
    return f"{text}, at least {item['minimum']}" if "minimum" in item else text


def _model_of(annotation: object) -> tuple[type[BaseModel], str] | None:
    """Return the section type that a field contains, and the section's path below the field; None for a
    plain value.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    below = _model_of(arguments[-1]) if arguments else None
    if below is None:
        return None
    origin = get_origin(annotation)
    step = ".<name>" if origin is dict else "[]" if origin is tuple else ""
    return below[0], step + below[1]


def _relaxed(item: _Schema) -> _Schema:
    """Return a schema without required keys and titles that also allows `null`."""
    if "anyOf" in item:
        choices = [choice for choice in item["anyOf"] if choice.get("type") != "null"]
        if len(choices) == 1:
            item = {key: value for key, value in item.items() if key != "anyOf"} | choices[0]
    result = {key: value for key, value in item.items() if key not in ("title", "required", "default")}
    if not isinstance(item.get("default"), dict | list | None):
        result["default"] = item["default"]
    for key in ("properties", "patternProperties"):
        if key in item:
            result[key] = {name: _relaxed(value) for name, value in item[key].items()}
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(item.get(key), dict):
            result[key] = _relaxed(item[key]) if key != "propertyNames" else item[key]
    if "anyOf" in result:
        result["anyOf"] = [*map(_relaxed, result["anyOf"])]
    if result.get("format") == "password":
        described = {key: result[key] for key in ("description",) if key in result}
        return described | {"anyOf": [{"type": ["string", "null"]}, _SECURE]}
    kinds = result.get("type")
    if kinds is not None and "null" not in kinds:
        result["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
    if "enum" in result:
        result["enum"] = [*result["enum"], None]
    if "const" in result:
        result["enum"] = [result.pop("const"), None]
    return result


def main() -> None:
    """Write both reference files."""
    MARKDOWN.write_text(markdown())
    SCHEMA.write_text(schema_text())


if __name__ == "__main__":
    main()
