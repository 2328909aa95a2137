"""Scripts that annotate all nodes when `destroy` deletes the whole cluster, so that nodes are not drained."""

from __future__ import annotations

from typing import Final

ANNOTATION: Final = "kubewright.dev/leaving"
"""The annotation of a Node that the host program reads before a drain. The value `cluster` skips the drain.
"""

_KUBECTL = "kubectl --request-timeout=10s"

UNMARK_NODES: Final = f"{_KUBECTL} annotate nodes --all {ANNOTATION}- >/dev/null\n"
"""Script that removes the annotation from all nodes, e.g. after an interrupted `destroy`."""

# An unreachable API must not block the deletion of the cluster.
MARK_NODES: Final = f"""\
{_KUBECTL} annotate nodes --all --overwrite {ANNOTATION}=cluster >/dev/null ||
    echo 'the API does not answer: nodes are taken down without a word'
"""
"""Script that annotates all nodes before `destroy` deletes the cluster."""
