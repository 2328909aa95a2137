"""From the raw object to `Settings`, or to all of its problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from settings.cluster import Settings
from settings.explain import explain
from settings.problem import Problem, SettingsError
from settings.rules import RULES, Subject

_Node = dict[str, object] | list[object]
_Location = tuple[str | int, ...]


def load(raw: Mapping[str, object]) -> Settings:
    """The settings that the stack's object `kubewright:cluster` describes.

    Raises SettingsError with every problem found: of single fields, and of fields with one another
    as far as these can be read.
    """
    # The engine's configuration is whatever somebody wrote there.
    if not isinstance(raw, Mapping):
        raise SettingsError(
            [Problem("", "", "must be a mapping of keys to values that describes the cluster")]
        )
    settings, problems = _read(raw)
    problems += _broken_rules(settings, raw, problems)
    if problems:
        raise SettingsError(problems)
    return settings


def _read(raw: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """The settings without the parts that are wrong, and what is wrong with these."""
    rest = cast(dict[str, object], _text_keys(dict(raw)))
    problems: list[Problem] | None = None
    while True:
        try:
            return Settings.model_validate(rest), problems or []
        except ValidationError as error:
            details = error.errors(include_url=False)
            # Later rounds see only what the holes left by the first one cause.
            if problems is None:
                problems = [explain(detail, Settings) for detail in _innermost(details)]
            locations = {_mistaken(detail) for detail in details}
            # From the back, so that positions in lists stay right while their items go.
            removed = [_remove(rest, location) for location in sorted(locations, key=_order, reverse=True)]
            if not any(removed):
                raise SettingsError(problems) from None


def _text_keys(value: object) -> object:
    """The value with text for every key: YAML reads a bare `1:` or `yes:` as something else."""
    if isinstance(value, dict):
        return {str(key): _text_keys(item) for key, item in value.items()}
    return [_text_keys(item) for item in value] if isinstance(value, list) else value


def _innermost(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """The errors without those of what holds them: a list that lost its wrong items is not too short."""
    locations = {detail["loc"] for detail in details}
    holders = {location[:length] for location in locations for length in range(len(location))}
    return [detail for detail in details if detail["loc"] not in holders]


def _mistaken(detail: ErrorDetails) -> _Location:
    """The part that an error makes unusable; of a missing key, the entry that misses it."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    return location[:-1] if detail["type"] == "missing" else location


def _order(location: _Location) -> list[tuple[int, str]]:
    return [(part, "") if isinstance(part, int) else (-1, part) for part in location]


def _remove(root: dict[str, object], location: _Location) -> bool:
    """Take out what stands at the location, or the innermost part of it that exists; False without any."""
    way: list[tuple[_Node, str | int]] = []
    node: object = root
    for part in location:
        if not isinstance(node, dict | list) or not _has(node, part):
            break
        way.append((node, part))
        node = node[part]  # type: ignore[index]  # _has saw that it is there
    if not way:
        return False
    holder, key = way[-1]
    del holder[key]  # type: ignore[arg-type]  # likewise
    return True


def _has(node: _Node, part: str | int) -> bool:
    return part in node if isinstance(node, dict) else isinstance(part, int) and part < len(node)


def _broken_rules(settings: Settings, raw: Mapping[str, object], known: list[Problem]) -> list[Problem]:
    metal = raw.get("metal")
    hosts = metal.get("hosts") if isinstance(metal, dict) else None
    names = dict.fromkeys(map(str, hosts)) if isinstance(hosts, dict) else {}
    subject = Subject(settings, names)
    wrong = [problem.path for problem in known]
    return [problem for rule in RULES if rule.applies(wrong) for problem in rule.check(subject)]
