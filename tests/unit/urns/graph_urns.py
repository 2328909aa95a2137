"""URNs of a graph as the engine builds them. Mocks of Pulumi keep only the type of the direct parent.

Format: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns
"""

from __future__ import annotations

from tests.unit.components.graph import Graph, Node

PROJECT = "kubewright"
_STACK_TYPE = "pulumi:pulumi:Stack"


def urns(graph: Graph, stack: str) -> list[str]:
    """Return the URNs of all resources of the graph in a stack of this name, sorted."""
    nodes = [node for node in graph.nodes.values() if node.type != _STACK_TYPE]
    found = [f"urn:pulumi:{stack}::{PROJECT}::{_qualified_type(graph, node)}::{node.name}" for node in nodes]
    assert len(set(found)) == len(found), "two resources have the same URN"
    return sorted(found)


def _qualified_type(graph: Graph, node: Node) -> str:
    """Return the types of all parents below the stack and of the resource, separated by `$`."""
    types = [node.type]
    while (parent := graph.nodes.get(node.parent)) is not None and parent.type != _STACK_TYPE:
        types.insert(0, parent.type)
        node = parent
    return "$".join(types)
