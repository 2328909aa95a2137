# shellcheck shell=sh
# Sets the labels and taints of a pool's nodes with an administrator's `kubectl`. Before it comes a function
# `pool` that prints lines `node NAME`, `label KEY=VALUE` and `taint KEY=VALUE:EFFECT` (nodeconfig.node_labels).
set -euf
k() { kubectl --request-timeout=20s "$@"; }

nodes='' labels='' taints='' applied=''
while read -r kind value; do
    case $kind in
    node) nodes="$nodes $value" ;;
    label) labels="$labels $value" applied="$applied${applied:+,}label=${value%%=*}" ;;
    taint) taints="$taints $value" applied="$applied${applied:+,}taint=${value%%=*}:${value##*:}" ;;
    esac
done <<EOF
$(pool)
EOF

existing=$(k get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{end}')
missing=
set --
for node in $nodes; do
    case " $existing" in *" $node "*) set -- "$@" "$node" ;; *) missing="$missing $node" ;; esac
done

# Remove labels and taints that an earlier run set and that the pool no longer has; the annotation lists
# them. Read before the new annotation is written. One line for each node: name, annotation, taints.
columns='{range .items[*]}{.metadata.name}{" applied="}{.metadata.annotations.kubewright\.dev/applied}'
columns=$columns'{" taints="}{range .spec.taints[*]}{.key}{":"}{.effect}{","}{end}{"\n"}{end}'
state=$(k get nodes -o "jsonpath=$columns")
printf '%s\n' "$state" | while read -r node before current; do
    case " $nodes " in *" $node "*) ;; *) continue ;; esac
    IFS=,
    for entry in ${before#applied=}; do
        case ",$applied," in *",$entry,"*) continue ;; esac
        case $entry in
        label=*) k label node "$node" "${entry#label=}-" ;;
        taint=*)
            case ",${current#taints=}" in
            *",${entry#taint=},"*) k taint node "$node" "${entry#taint=}-" ;;
            esac
            ;;
        esac
    done
    unset IFS
done

# shellcheck disable=SC2086 # one word for each label and taint
if [ $# -gt 0 ]; then
    [ -z "$labels" ] || k label --overwrite node "$@" $labels
    [ -z "$taints" ] || k taint --overwrite node "$@" $taints
    k annotate --overwrite node "$@" "kubewright.dev/applied=$applied"
fi
if [ -n "$missing" ]; then
    echo "no node yet:$missing; their labels and taints are set by the next up, once the hosts have joined" >&2
    exit 1
fi
