"""Conversion of the raw object `kubewright:cluster` to `Settings`, with all problems reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from settings.cluster import Settings
from settings.error_messages import to_problem
from settings.problem import Problem, SettingsError
from settings.rules import RULES, RuleInput

_Node = dict[str, object] | list[object]
_Location = tuple[str | int, ...]


def load(raw: Mapping[str, object]) -> Settings:
    """Return the settings that the object `kubewright:cluster` describes.

    Raise SettingsError with the problems of all single fields, and with the problems that the rules find in
    fields that are valid on their own.
    """
    # The engine's configuration may hold any type here.
    if not isinstance(raw, Mapping):
        raise SettingsError([Problem("", "", "not a mapping; describe the cluster by keys and values")])
    settings, problems = _parse(raw)
    problems += _rule_problems(settings, raw, problems)
    if problems:
        raise SettingsError(problems)
    return settings


def _parse(raw: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """Return the settings without their invalid parts, and the problems of these parts."""
    remaining = cast(dict[str, object], _with_text_keys(dict(raw)))
    problems: list[Problem] | None = None
    while True:
        try:
            return Settings.model_validate(remaining), problems or []
        except ValidationError as error:
            details = error.errors(include_url=False)
            # Later rounds report only consequences of the parts that the first round removed.
            if problems is None:
                problems = [to_problem(detail, Settings) for detail in _innermost_errors(details)]
            locations = {_invalid_part(detail) for detail in details}
            # Remove from the end, so that positions in lists stay valid.
            removed = [
                _remove(remaining, location) for location in sorted(locations, key=_sort_key, reverse=True)
            ]
            if not any(removed):
                raise SettingsError(problems) from None


def _with_text_keys(value: object) -> object:
    """Return the value with all keys as text, because YAML reads the keys `1:` and `yes:` as other types."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _innermost_errors(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return the errors of values that contain no other value with an error.

    For example, an error about the length of a list is omitted if an item of the list is invalid.
    """
    locations = {detail["loc"] for detail in details}
    parents = {location[:length] for location in locations for length in range(len(location))}
    return [detail for detail in details if detail["loc"] not in parents]


def _invalid_part(detail: ErrorDetails) -> _Location:
    """Return the location that an error makes unusable; for a missing key, the location of its section."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    return location[:-1] if detail["type"] == "missing" else location


def _sort_key(location: _Location) -> list[tuple[int, str]]:
    """Return a key that sorts locations and compares list positions as numbers."""
    return [(part, "") if isinstance(part, int) else (-1, part) for part in location]


def _remove(root: dict[str, object], location: _Location) -> bool:
    """Remove the value at the location, or its innermost existing parent. Return False if neither exists."""
    steps: list[tuple[_Node, str | int]] = []
    node: object = root
    for part in location:
        if not isinstance(node, dict | list) or not _contains(node, part):
            break
        steps.append((node, part))
        node = node[part]  # type: ignore[index]  # _contains checked it
    if not steps:
        return False
    parent, key = steps[-1]
    del parent[key]  # type: ignore[arg-type]  # _contains checked it
    return True


def _contains(node: _Node, part: str | int) -> bool:
    return part in node if isinstance(node, dict) else isinstance(part, int) and part < len(node)


def _rule_problems(
    settings: Settings, raw: Mapping[str, object], field_problems: list[Problem]
) -> list[Problem]:
    """Return the problems of all rules whose settings have no problem in `field_problems`."""
    metal = raw.get("metal")
    hosts = metal.get("hosts") if isinstance(metal, dict) else None
    names = dict.fromkeys(map(str, hosts)) if isinstance(hosts, dict) else {}
    rule_input = RuleInput(settings, names)
    invalid = [problem.path for problem in field_problems]
    return [problem for rule in RULES if rule.applies(invalid) for problem in rule.check(rule_input)]
