"""Objects of the program as manifests, and their creation on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from testkit.control_plane import ControlPlane
from tests.unit.components.graph import Graph, without_secret_marks

_FIRST = (":Namespace", ":CustomResourceDefinition")


def manifests(graph: Graph, *prefixes: str) -> list[Any]:
    """Return the objects of the resources whose names begin with a prefix, namespaces and definitions first.

    Helm makes the objects of charts, which are left out. Changes of objects of others come last.
    """
    nodes = [
        node
        for node in graph.nodes.values()
        if node.type.startswith("kubernetes:")
        and node.name.startswith(prefixes)
        and not node.type.endswith(":Release")
    ]
    nodes.sort(key=lambda node: (not node.type.endswith(_FIRST), node.type.endswith("Patch")))
    return [without_secret_marks(node.inputs) for node in nodes]


def apply(control_plane: ControlPlane, items: Iterable[Any]) -> None:
    """Create or change objects. The API server refuses unknown fields."""
    for item in items:
        apply_object(control_plane, item)


def apply_object(control_plane: ControlPlane, item: Any, manager: str = "kubectl") -> None:  # noqa: ANN401 - JSON
    """Create or change an object with a field manager. The API server refuses unknown fields."""
    words = ("apply", "--server-side", "--validate=strict", f"--field-manager={manager}", "--filename=-")
    control_plane.kubectl(*words, stdin=json.dumps(item))
