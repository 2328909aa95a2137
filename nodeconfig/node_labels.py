"""Labels and taints [F1]: set from outside, because nodes may not choose their own."""

from __future__ import annotations

from shlex import quote

from topology.model import Pool

_APPLIED = "kubewright.dev/applied"

_NAMES = 'jsonpath={range .items[*]}{.metadata.name}{" "}{end}'
_ADVICE = "their labels and taints are set by the next up, once the hosts have joined"

# One line for each node: name, what was applied before, its taints (comma behind each).
_COLUMNS = (
    r'{range .items[*]}{.metadata.name}{" applied="}{.metadata.annotations.kubewright\.dev/applied}'
    r'{" taints="}{range .spec.taints[*]}{.key}{":"}{.effect}{","}{end}{"\n"}{end}'
)


def node_labels(pool: Pool) -> str:
    """The sh text that gives a pool's nodes its labels and taints, by an administrator's `kubectl`.

    What it set before and the pool no longer has it takes away, as the annotation on each node
    remembers; what others set it leaves alone. Nodes that are not there (their host could not be
    reached) hold up no other: it fails at the end, naming them, so that the next run sees to them.
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
        'k() { kubectl --request-timeout=20s "$@"; }',
        f"there=$(k get nodes -o {quote(_NAMES)})",
        "missing=",
        "for node in $nodes; do",
        '  case " $there" in *" $node "*) set -- "$@" "$node" ;; *) missing="$missing $node" ;; esac',
        "done",
        f"columns={quote(_COLUMNS)}",
        # Read before the loop: what was applied must be known before it is overwritten.
        'state=$(k get nodes -o "jsonpath=$columns")',
        "printf '%s\\n' \"$state\" | while read -r node before taints; do",
        '  case " $nodes " in *" $node "*) ;; *) continue ;; esac',
        "  IFS=,",
        "  for entry in ${before#applied=}; do",
        '    case ",$applied," in *",$entry,"*) continue ;; esac',
        "    case $entry in",
        '    label=*) k label node "$node" "${entry#label=}-" ;;',
        "    taint=*)",
        '      case ",${taints#taints=}" in *",${entry#taint=},"*)',
        '        k taint node "$node" "${entry#taint=}-" ;;',
        "      esac ;;",
        "    esac",
        "  done",
        "  unset IFS",
        "done",
    ]
    if labels:
        lines.append(f'[ $# = 0 ] || k label --overwrite node "$@"{labels}')
    if taints:
        lines.append(f'[ $# = 0 ] || k taint --overwrite node "$@"{taints}')
    lines.append(f'[ $# = 0 ] || k annotate --overwrite node "$@" "{_APPLIED}=$applied"')
    lines.append(f'[ -z "$missing" ] || {{ echo "no node yet:$missing; {_ADVICE}" >&2; exit 1; }}')
    return "\n".join(lines) + "\n"
