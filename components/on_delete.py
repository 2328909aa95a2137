"""What a control plane is told about the cluster's end, so that its nodes need not be drained. Pure."""

from __future__ import annotations

from typing import Final

ANNOTATION: Final = "kubewright.dev/leaving"
"""On a Node: `cluster` when the whole cluster is being taken down. The host program looks at it."""

_KUBECTL = "kubectl --request-timeout=10s"

# Also takes back the farewell of a `destroy` that was interrupted and then thought better of.
UNMARK: Final = f"{_KUBECTL} annotate nodes --all {ANNOTATION}- >/dev/null\n"

# A cluster that no longer answers says no farewell; that must not keep anyone from taking it down.
MARK_DELETING: Final = f"""\
{_KUBECTL} annotate nodes --all --overwrite {ANNOTATION}=cluster >/dev/null ||
    echo 'the API does not answer: nodes are taken down without a word'
"""
