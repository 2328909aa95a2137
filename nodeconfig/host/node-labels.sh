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

# removed KIND PRESENT BEFORE: the words that remove what an earlier run set and the pool no longer has. Root on a
# node can write any text into the annotation BEFORE. The text only selects some of the labels or taints that are
# PRESENT, and is never a word of a command.
removed() (
    IFS=,
    for key in $2; do
        case ",$applied," in *",$1=$key,"*) continue ;; esac
        case ",$3," in *",$1=$key,"*) echo "$key-" ;; esac
    done
)

# Remove labels and taints that an earlier run set and that the pool no longer has; the annotation lists
# them. Read before the new annotation is written. One line for each node: name, labels, taints, annotation. `%q`
# writes a line break of an annotation as `\n`, so that no node can write the line of another node.
# shellcheck disable=SC2016 # variables of the template
columns='{{range .items}}{{.metadata.name}} labels,{{range $key, $value := .metadata.labels}}{{$key}},{{end}}'
columns=$columns' taints,{{range .spec.taints}}{{.key}}:{{.effect}},{{end}}'
columns=$columns' {{with .metadata.annotations}}{{with index . "kubewright.dev/applied"}}{{printf "%q" .}}'
columns=$columns'{{end}}{{end}}{{"\n"}}{{end}}'
state=$(k get nodes -o "go-template=$columns")
printf '%s\n' "$state" | while read -r node has_labels has_taints before; do
    case " $nodes " in *" $node "*) ;; *) continue ;; esac
    before=${before#\"}
    before=${before%\"}
    old_labels=$(removed label "${has_labels#labels,}" "$before")
    old_taints=$(removed taint "${has_taints#taints,}" "$before")
    # shellcheck disable=SC2086 # one word for each label and taint
    {
        [ -z "$old_labels" ] || k label node "$node" $old_labels
        [ -z "$old_taints" ] || k taint node "$node" $old_taints
    }
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
