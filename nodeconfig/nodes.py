"""Labels and taints [F1]: set from outside, because nodes may not choose their own."""

from __future__ import annotations

from shlex import quote

from nodeconfig.places import ADMIN, BIN
from topology.model import Pool

_KUBECTL = f"{BIN}/kubectl --kubeconfig={ADMIN} --request-timeout=20s"
_APPLIED = "kubewright.dev/applied"

# One line for each node: name, what was applied before, its taints (comma behind each).
_COLUMNS = (
    r'{range .items[*]}{.metadata.name}{" applied="}{.metadata.annotations.kubewright\.dev/applied}'
    r'{" taints="}{range .spec.taints[*]}{.key}{":"}{.effect}{","}{end}{"\n"}{end}'
)


def nodes(pool: Pool) -> str:
    """The sh text for a control plane that gives a pool's nodes its labels and taints.

    It waits up to 120 s for nodes to exist. What it set before and the pool no longer has it takes
    away, as the annotation on each node remembers; what others set it leaves alone.
    """
    names = " ".join(node.name for node in pool.nodes)
    if not names:
        return ":\n"
    entries = [f"label={key}" for key, _ in pool.labels]
    entries += [f"taint={taint.key}:{taint.effect}" for taint in pool.taints]
    applied = ",".join(entries)
    labels = "".join(f" \\\n  {quote(f'{key}={value}')}" for key, value in pool.labels)
    taints = "".join(f" \\\n  {quote(f'{t.key}={t.value}:{t.effect}')}" for t in pool.taints)
    lines = [
        "set -eu",
        f"nodes={quote(names)}",
        f"applied={quote(applied)}",
        f'kubectl() {{ {_KUBECTL} "$@"; }}',
        'for node in $nodes; do set -- "$@" "node/$node"; done',
        'kubectl wait --for=create --timeout=120s "$@" >/dev/null',
        f"columns={quote(_COLUMNS)}",
        'kubectl get nodes -o "jsonpath=$columns" | while read -r node before taints; do',
        '  case " $nodes " in *" $node "*) ;; *) continue ;; esac',
        "  IFS=,",
        "  for entry in ${before#applied=}; do",
        '    case ",$applied," in *",$entry,"*) continue ;; esac',
        "    case $entry in",
        '    label=*) kubectl label node "$node" "${entry#label=}-" ;;',
        "    taint=*)",
        '      case ",${taints#taints=}" in *",${entry#taint=},"*)',
        '        kubectl taint node "$node" "${entry#taint=}-" ;;',
        "      esac ;;",
        "    esac",
        "  done",
        "  unset IFS",
        "done",
    ]
    if labels:
        lines.append(f'kubectl label --overwrite "$@"{labels}')
    if taints:
        # `taint` knows no "node/NAME"; the names are DNS labels, so splitting them is safe.
        lines.append(f"kubectl taint --overwrite node $nodes{taints}")
    lines.append(f'kubectl annotate --overwrite "$@" "{_APPLIED}=$applied"')
    return "\n".join(lines) + "\n"
