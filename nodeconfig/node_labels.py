"""Labels and taints [F1], set by an administrator because nodes must not choose their own."""

from __future__ import annotations

from nodeconfig.sources import read_code
from topology.model import Pool


def node_labels(pool: Pool) -> str:
    """Return the sh text that sets labels and taints of a pool's nodes with an administrator's `kubectl`.

    The text begins with one line for each node, label and taint, so that a preview shows data. It removes
    what an earlier run set and the pool no longer has; an annotation of each node lists that. Labels and
    taints from other sources stay. Missing nodes (of hosts that cannot be reached) delay no others: the
    command fails at the end and names them, so that the next run sets theirs.
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
