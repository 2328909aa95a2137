"""From the raw object to `Settings`, or to all of its problems at once."""

from __future__ import annotations

import copy
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
    settings, problems = _read(raw)
    problems += _broken_rules(settings, raw, problems)
    if problems:
        raise SettingsError(problems)
    return settings


def _read(raw: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """The settings without the parts that are wrong, and what is wrong with these."""
    rest = copy.deepcopy(dict(raw))
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
            for location in sorted(locations, key=_order, reverse=True):
                _remove(rest, location)


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


def _remove(root: dict[str, object], location: _Location) -> None:
    holder: _Node = root
    for part in location[:-1]:
        step = _child(holder, part)
        if not isinstance(step, dict | list):
            return
        holder = cast(_Node, step)
    if isinstance(holder, dict):
        holder.pop(str(location[-1]), None)
    elif isinstance(location[-1], int) and location[-1] < len(holder):
        del holder[location[-1]]


def _child(holder: _Node, part: str | int) -> object:
    if isinstance(holder, dict):
        return holder.get(str(part))
    return holder[part] if isinstance(part, int) and part < len(holder) else None


def _broken_rules(settings: Settings, raw: Mapping[str, object], known: list[Problem]) -> list[Problem]:
    metal = raw.get("metal")
    hosts = metal.get("hosts") if isinstance(metal, dict) else None
    subject = Subject(settings, tuple(str(name) for name in hosts) if isinstance(hosts, dict) else ())
    wrong = [problem.path for problem in known]
    return [problem for rule in RULES if rule.applies(wrong) for problem in rule.check(subject)]
