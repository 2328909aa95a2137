"""Content of the files in `values_files` of Helm releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from formats.documents import parse_yaml
from settings.bases import encrypted_paths
from settings.problem import SettingPath, format_path

_ALLOWED = "use text, numbers, true, false, lists and mappings"


def parse_values(text: str) -> dict[str, Any]:
    """Return the values in the text of a file; empty for an empty file.

    Raise ValueError for text that is not one YAML document, for a document that is not a mapping, and for
    values that are encrypted, null, or not JSON.
    """
    try:
        content = parse_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" near line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"is not one YAML document{line}; correct it") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("is not a mapping; write the values of the chart as keys and values")
    for path in encrypted_paths(content):
        raise ValueError(
            f"{format_path(path)} is encrypted, but files of values are plain text; move it to values in the "
            "stack file"
        )
    for message in _unsupported(content, ()):
        raise ValueError(message)
    return content


def merge_values(lower: Any, upper: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """Return two JSON values merged as Helm merges files: mappings key by key, and otherwise `upper`."""
    if not isinstance(lower, Mapping) or not isinstance(upper, Mapping):
        return upper
    return {
        **lower,
        **{key: merge_values(lower[key], item) if key in lower else item for key, item in upper.items()},
    }


def _unsupported(value: object, path: SettingPath) -> Iterator[str]:
    """Yield a message for each value that Pulumi does not pass to Helm unchanged."""
    where = format_path(path)
    if value is None:
        yield (
            f"{where} is null, which Pulumi does not pass to Helm, so that the chart's default remains; "
            "give it a value, or remove the key"
        )
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _unsupported(item, (*path, key))
            else:
                inside = f" in {where}" if path else ""
                yield f"the key {key}{inside} is not text; put quotes around it"
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unsupported(item, (*path, position))
    elif not isinstance(value, str | int | float):
        yield f"{where} is a {type(value).__name__}; put quotes around it, or {_ALLOWED}"
    elif isinstance(value, float) and value - value != 0:
        yield f"{where} is not a finite number; {_ALLOWED}"
