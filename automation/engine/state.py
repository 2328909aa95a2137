"""Exported states of stacks: their resources, and the references between resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from automation.engine.program import Engine

State = dict[str, Any]
"""An exported state, or a part of it."""
StateReader = Callable[[], State]
"""A function that returns the state of a stack, and exports it at its first call, which takes a second."""


def export_encrypted(engine: Engine, *options: str) -> State:
    """Return the state of a stack with encrypted secrets; `options` are those of `pulumi stack export`."""
    state: State = json.loads(engine.capture("stack export", *options))
    return state


def resources_of(state: Mapping[str, Any]) -> list[State]:
    """Return the resources of an exported state; none for a stack that was never deployed."""
    return (state.get("deployment") or {}).get("resources") or []


def has_only_keys(state: Mapping[str, Any]) -> bool:
    """Check whether a state has keys and certificates, and nothing that exists outside of it."""
    types = {resource["type"] for resource in resources_of(state) if resource.get("custom")}
    created = {type_ for type_ in types if not type_.startswith("pulumi:providers:")}
    return bool(created) and all(type_.startswith("tls:") for type_ in created)


def without_references(resource: Mapping[str, Any], is_kept: Callable[[str], bool]) -> State:
    """Return a resource without its dependencies on resources whose URN is not kept."""
    result = dict(resource)
    if "dependencies" in result:
        result["dependencies"] = [urn for urn in result["dependencies"] if is_kept(urn)]
    if "propertyDependencies" in result:
        result["propertyDependencies"] = {
            key: [urn for urn in urns or [] if is_kept(urn)]
            for key, urns in result["propertyDependencies"].items()
        }
    if "deletedWith" in result and not is_kept(result["deletedWith"]):
        del result["deletedWith"]
    return result
