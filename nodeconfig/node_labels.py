"""Script that sets the labels and taints of the nodes of a pool [F1].

The script runs with administrator permissions, because nodes must not choose their labels and taints.
"""

from __future__ import annotations

from nodeconfig.sources import read_code
from topology.model import Pool


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
        *(f"label {key}={value}" for key, value in pool.labels),
        *(f"taint {taint.key}={taint.value}:{taint.effect}" for taint in pool.taints),
    ]
    data = "\n".join(lines)
    return f"pool() {{\n    cat <<'EOF'\n{data}\nEOF\n}}\n" + read_code("node-labels.sh")
