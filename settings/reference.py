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

from settings.bases import BASE_KEY
from settings.cluster import Settings
from settings.problem import CLUSTER_KEY

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKDOWN, SCHEMA = DOCS / "settings.md", DOCS / "settings.schema.json"
LAB_KEY = "kubewright:lab"

_WIDTH = 116
_INTRODUCTION = f"""\
# Settings

Every key of a stack file (`Pulumi.<stack>.yaml`), under `config` → `{CLUSTER_KEY}`. \
This file is generated from
the models in `settings/` by `python -m settings.reference`.

A description names the unit and the reason of a default where they are not obvious. `<name>` stands for a key
that you choose, `[]` for the items of a list. Sizes are Kubernetes quantities such as `4Gi`. File names may
begin with `~`, `$KUBEWRIGHT_STATE` or `$KUBEWRIGHT_CACHE`. Editors check and complete a stack file that
begins with this line:

```yaml
# yaml-language-server: $schema=docs/settings.schema.json
```

`config` has two more keys:

- `{LAB_KEY}`: makes the stack a lab on this machine. `network` is the IPv4 range of the lab's \
hosts, and
  `cloud` the cloud that the lab emulates ([emulation.md](emulation.md)). `virtual` lists the hosts that are
  virtual machines ([lab.md](lab.md#virtual-machines)).
- `{BASE_KEY}`: file name of the base, a file in the same directory whose settings this \
file overrides key by key.
"""
_OTHER_KEYS = {
    LAB_KEY: {
        "type": "object",
        "description": "Makes the stack a lab on this machine.",
        "properties": {
            "network": {"type": "string", "description": "IPv4 range of the lab's hosts."},
            "cloud": {
                "type": "string",
                "enum": ["aws", "azure"],
                "description": "Cloud that the lab emulates.",
            },
            "virtual": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Names of the hosts that are virtual machines.",
            },
        },
        "additionalProperties": False,
        "required": ["network"],
    },
    BASE_KEY: {
        "type": "string",
        "description": "File name of the base, in the same directory; this file overrides its settings.",
    },
}
"""JSON Schema of the keys in `config` besides `kubewright:cluster`."""
_ENGINE_KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")
_ENCRYPTED_VALUE = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "additionalProperties": False,
}
_Schema = dict[str, Any]


def markdown() -> str:
    """Return the text of docs/settings.md."""
    return "\n".join([_INTRODUCTION, *_section_lines(Settings, "")])


def schema() -> _Schema:
    """Return the JSON Schema of a stack file."""
    cluster = Settings.model_json_schema()
    definitions = {name: _make_optional(item) for name, item in cluster.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of Kubewright",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {CLUSTER_KEY: _make_optional(cluster), **_OTHER_KEYS},
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
        field_path = f"{path}.{name}" if path else name
        yield field_path, field
        subsection = _section_type(field.annotation)
        if subsection:
            yield from fields(subsection[0], field_path + subsection[1])


def _section_lines(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the lines of a section, then the lines of its subsections. Each subsection appears once, under
    its first path.
    """
    definitions = model.model_json_schema()
    if path:
        yield f"## {path}\n"
        yield "\n".join(textwrap.wrap(" ".join((model.__doc__ or "").split()), _WIDTH)) + "\n"
    for name, field in model.model_fields.items():
        facts = ", ".join(
            _describe_field(field, definitions["properties"][name], definitions.get("$defs", {}))
        )
        text = f"- `{name}` ({facts}): {field.description}"
        yield "\n".join(textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    yield ""
    for name, field in model.model_fields.items():
        subsection = _section_type(field.annotation)
        if subsection:
            subsection_path = (f"{path}." if path else "") + name + subsection[1]
            yield from _section_lines(subsection[0], subsection_path)


def _describe_field(field: FieldInfo, item: _Schema, definitions: Mapping[str, _Schema]) -> Iterator[str]:
    """Yield the type of a field, then `required` or the default, for the parentheses in settings.md."""
    yield _type_text(item, definitions)
    if field.is_required():
        yield "required"
    elif item.get("type") == "string" and isinstance(item.get("default"), list):
        yield "default `" + "-".join(map(str, item["default"])) + "`"  # a range of ports
    elif (
        "default" in item
        and item["default"] not in (None, "", [], {})
        and not _section_type(field.annotation)
    ):
        yield f"default {_default_text(item['default'])}"


def _default_text(default: object) -> str:
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{json.dumps(default)}`" if isinstance(default, bool) else f"`{default}`"


def _type_text(item: _Schema, definitions: Mapping[str, _Schema]) -> str:
    """Return the type in a JSON Schema as words, such as `list of text` or `integer, at least 1`."""
    if "$ref" in item:
        item = definitions[item["$ref"].rpartition("/")[2]]
    if "anyOf" in item:
        kinds = [_type_text(choice, definitions) for choice in item["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in item:
        return "one of " + ", ".join(f"`{value}`" for value in item["enum"])
    kind = item.get("type", "any")
    if kind == ["string", "number"]:
        return "quantity"
    if kind == "array":
        return f"list of {_type_text(item['items'], definitions)}" if "items" in item else "list"
    if kind == "object":
        return "mapping"
    words = {"string": "text", "boolean": "true or false"}
    text = words.get(str(kind), str(kind))
    if {"minimum", "maximum"} <= set(item):
        return f"{text} {item['minimum']} to {item['maximum']}"
    return f"{text}, at least {item['minimum']}" if "minimum" in item else text


def _section_type(annotation: object) -> tuple[type[BaseModel], str] | None:
    """Return the section type that a field contains, and the section's path relative to the field
    (`.<name>` for a mapping, `[]` for a list); None for a plain value.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = [part for part in get_args(annotation) if part not in (type(None), Ellipsis)]
    subsection = _section_type(arguments[-1]) if arguments else None
    if subsection is None:
        return None
    origin = get_origin(annotation)
    step = ".<name>" if origin is dict else "[]" if origin is tuple else ""
    return subsection[0], step + subsection[1]


def _make_optional(item: _Schema) -> _Schema:
    """Return a copy of the schema that requires no keys, has no titles, and also allows `null`."""
    if "anyOf" in item:
        choices = [choice for choice in item["anyOf"] if choice.get("type") != "null"]
        if len(choices) == 1:
            item = {key: value for key, value in item.items() if key != "anyOf"} | choices[0]
    result = {key: value for key, value in item.items() if key not in ("title", "required", "default")}
    if not isinstance(item.get("default"), dict | list | None):
        result["default"] = item["default"]
    for key in ("properties", "patternProperties"):
        if key in item:
            result[key] = {name: _make_optional(value) for name, value in item[key].items()}
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(item.get(key), dict):
            result[key] = _make_optional(item[key]) if key != "propertyNames" else item[key]
    if "anyOf" in result:
        result["anyOf"] = [*map(_make_optional, result["anyOf"])]
    if result.get("format") == "password":
        described = {key: result[key] for key in ("description",) if key in result}
        return described | {"anyOf": [{"type": ["string", "null"]}, _ENCRYPTED_VALUE]}
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
