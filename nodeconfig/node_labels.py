"""Script that sets the labels and taints of the nodes of a pool [F1].

The script runs with administrator permissions, because nodes must not choose their labels and taints.
"""

from __future__ import annotations

from nodeconfig.sources import read_code
from topology.model import Pool


def label_words(pool: Pool) -> tuple[str, ...]:
    """Return the labels of the nodes of a pool as `KEY=VALUE`."""
    return tuple(f"{key}={value}" for key, value in pool.labels)


def taint_words(pool: Pool) -> tuple[str, ...]:
    """Return the taints of the nodes of a pool as `KEY=VALUE:EFFECT`."""
    return tuple(f"{taint.key}={taint.value}:{taint.effect}" for taint in pool.taints)


def node_labels_script(pool: Pool) -> str:
    """Return the sh script that sets labels and taints of the nodes of a pool with an administrator's
    `kubectl`.

    The script begins with one line for each node, label and taint, so that a preview shows data. The script
    removes labels and taints that an earlier run set and the pool no longer has; an annotation of each node
    lists them. Labels and taints from other sources are not changed. Missing nodes (of unreachable hosts) do
    not delay other nodes: the command fails at the end and names them, and the next run sets their labels.
    """
    if not pool.nodes:
        return ":\n"
    lines = [
        *(f"node {node.name}" for node in pool.nodes),
        *(f"label {label}" for label in label_words(pool)),
        *(f"taint {taint}" for taint in taint_words(pool)),
    ]
    data = "\n".join(lines)
    return f"pool() {{\n    cat <<'EOF'\n{data}\nEOF\n}}\n" + read_code("node-labels.sh")
