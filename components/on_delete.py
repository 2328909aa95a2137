"""Scripts that mark all nodes when the whole cluster is deleted, so that nodes are not drained."""

from __future__ import annotations

from typing import Final

ANNOTATION: Final = "kubewright.dev/leaving"
"""The annotation of a Node that the host program reads before a drain. The value `cluster` skips the drain.
"""

_KUBECTL = "kubectl --request-timeout=10s"

# The script also removes the mark of an interrupted `destroy`.
UNMARK: Final = f"{_KUBECTL} annotate nodes --all {ANNOTATION}- >/dev/null\n"

# An unreachable API must not block the deletion of the cluster.
MARK_DELETING: Final = f"""\
{_KUBECTL} annotate nodes --all --overwrite {ANNOTATION}=cluster >/dev/null ||
    echo 'the API does not answer: nodes are taken down without a word'
"""
