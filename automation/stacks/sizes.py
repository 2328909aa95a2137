"""Finds the resources whose size a controller in the cluster changes, such as the scale sets of pools.

An update of such a resource sends the size in the state, even when the program ignores the size. With an old
size, `up` would remove machines that the autoscaler has added. Therefore `up` first refreshes these
resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automation.engine.program import Engine
from automation.engine.state import StateReader, resources_of
from automation.lab_stack import CLUSTER_KEY
from automation.stacks.events import Step, Values
from providers.registry import CLOUDS

_RESIZED = frozenset(kind for cloud in CLOUDS for kind in cloud.types.resized)
_SIZE = ("sku", "capacity")
"""The path of the size in the inputs."""


def resized_resources(engine: Engine, read_state: StateReader) -> tuple[str, ...]:
    """Return the URNs of the resources that `up` refreshes first; none for a stack without a cloud of this
    kind, whose state is not read.
    """
    settings = engine.workspace.config.get(CLUSTER_KEY) or {}
    if not any(cloud.types.resized for cloud in CLOUDS if cloud.settings_section in settings):
        return ()
    return _resized_urns(read_state())


def _resized_urns(state: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        each["urn"] for each in resources_of(state) if each["type"] in _RESIZED and not each.get("delete")
    )


def inputs_without_size(step: Step) -> Values:
    """Return the old inputs of a step without the size of a resized resource.

    A plan compares these inputs, because the size can change between the preview and `up`.
    """
    group, size = _SIZE
    values = step.old.get(group) if step.type in _RESIZED else None
    if not isinstance(values, Mapping):
        return step.old
    return {**step.old, group: {key: value for key, value in values.items() if key != size}}
