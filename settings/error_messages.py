"""Conversion of pydantic's errors to problems."""

from __future__ import annotations

from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails
from typing_extensions import TypeIs

from settings.problem import Problem, displayed_value, format_path, suggestion

# Messages by pydantic's type of error. Braces contain values from the error's context.
_MESSAGES = {
    "missing": "missing; add it",
    "string_type": "must be text; put quotes around it",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "too_long": "has {actual_length} entries; allowed: at most {max_length}",
    "literal_error": "unknown; allowed: {expected}",
    "enum": "unknown; allowed: {expected}",
}


def to_problem(error: ErrorDetails, root: type[BaseModel]) -> Problem:
    """Return the problem for one of pydantic's errors about a value of the model `root`."""
    location = [part for part in error["loc"] if part != "[key]"]
    if error["type"] == "extra_forbidden":
        return _unknown_key(list(error["loc"]), root)
    value = displayed_value(location, error["input"])
    if error["type"] == "missing":
        return Problem(format_path(location), "", _MESSAGES["missing"])
    if error["loc"][-1] == "[key]":
        # The key itself is invalid, so the path is the path of the mapping.
        return Problem(format_path(location[:-1]), displayed_value([], location[-1]), _message(error))
    return Problem(format_path(location), value, _message(error))


def _message(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] in ("literal_error", "enum"):
        context = {"expected": str(context["expected"]).replace("'", "").replace(" or ", ", ")}
    template = _MESSAGES.get(error["type"])
    return template.format(**context) if template else error["msg"]


def _unknown_key(location: list[str | int], root: type[BaseModel]) -> Problem:
    key = str(location[-1])
    known = _keys_at(location[:-1], root)
    hint = suggestion(key, known, f"allowed here: {', '.join(known)}")
    return Problem(format_path(location), "", f"unknown key; {hint}")


def _keys_at(location: list[str | int], root: type[BaseModel]) -> list[str]:
    """Return the keys that the section at `location` below the model `root` allows."""
    annotation: object = root
    for part in location:
        if _is_model(annotation):
            annotation = annotation.model_fields[str(part)].annotation
        else:  # dict[Key, Entry] or tuple[Entry, ...]
            annotation = get_args(annotation)[1 if get_origin(annotation) is dict else 0]
        annotation = _without_none(annotation)
    return list(annotation.model_fields) if _is_model(annotation) else []


def _without_none(annotation: object) -> object:
    """Return a type annotation without `| None`."""
    choices = get_args(annotation)
    rest = [choice for choice in choices if choice is not type(None)]
    return rest[0] if len(rest) < len(choices) else annotation


def _is_model(annotation: object) -> TypeIs[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
