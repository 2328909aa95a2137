# shellcheck shell=sh
# Part of the host program: what the boot program of a cloud machine asks about the machine's health.
# nodeconfig.host_program joins it to host.sh.

# initialized: succeeds when the cloud's controller has initialized the Node: before, no pod may run on it.
initialized() {
    [ -f "$ROOT/var/lib/kubelet/kubeconfig" ] && [ -x "$LIBRARY/bin/kubectl" ] || return 0
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    taints=$(node_api get node "$NODE_NAME" -o 'jsonpath={.spec.taints[*].key}') || return 1
    case " $taints " in
    *' node.cloudprovider.kubernetes.io/uninitialized '*)
        say "node $NODE_NAME: the cloud controller has not initialized it" >&2
        return 1
        ;;
    esac
}

# record_health_checks: keeps the health checks of the delivered services and the list of artifacts, for `well` and
# `prepare_repair`.
record_health_checks() {
    rm -f "$RECORD"/ready.*
    [ -n "$PROVIDER_ID" ] || return 0
    while read -r unit _; do cp "$WORK/ready.$unit" "$RECORD/ready.$unit"; done <"$WORK/services"
    cp "$WORK/artifacts" "$RECORD/artifacts"
}

# unhealthy_services: prints the delivered services of this machine that are not healthy, and the reasons to stderr.
# Only this machine counts: nodes that cannot reach the API must not all be repaired.
unhealthy_services() {
    # shellcheck disable=SC2317 # health checks call it
    node_ready() { :; }
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    for check in "$STATE"/roles/*/ready.*; do
        [ -f "$check" ] || continue
        unit=${check##*/ready.}
        cp "$check" "$WORK/ready.$unit"
        : >"$WORK/reason"
        ! is_healthy "$unit" || continue
        reason=$(tail -n 1 "$WORK/reason")
        say "$unit is not healthy${reason:+: $reason}" >&2
        say "$unit"
    done
}

# well: succeeds when every delivered service of this machine is healthy.
well() {
    services=$(unhealthy_services) && [ -z "$services" ] || return 1
    [ -e "$STATE/replacement" ] || return 0
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    remove_mark admin_api || say 'the Node keeps its mark' >&2
}

# prepare_repair: makes the next delivery repair this machine: it then restarts services that run and do not answer, and
# installs damaged artifacts again. Other deliveries do not read the stored artifacts, which takes seconds.
prepare_repair() {
    lock
    services=$(unhealthy_services 2>/dev/null)
    # A service without a record restarts.
    for unit in $services; do rm -f "$STATE/services/$unit"; done
    cat "$STATE"/roles/*/artifacts | sort -u >"$WORK/artifacts"
    discard_damaged_artifacts
}

# ends_pods: succeeds when the kubelet and containerd of this host run. Without them no pod ends, and a drain would fail.
ends_pods() {
    while read -r unit; do
        case $unit in
        containerd.service | kubelet.service) systemctl is-active --quiet "$unit" || return 1 ;;
        esac
    done <"$RECORD/units"
}

# others_well: succeeds when every other member with a role of this machine is healthy, and no other control plane is
# being repaired or replaced. /etc/kubewright/peers has a line `ROLE ADDRESS` for each member (nodeconfig.peers).
others_well() {
    [ -f "$ROOT/etc/kubewright/peers" ] || return 0
    api=
    while read -r role address; do
        other_answers "$role" "$address" </dev/null >/dev/null 2>"$WORK/reason" || {
            say "$role on $address is not healthy: $(tail -n 1 "$WORK/reason")" >&2
            return 1
        }
        [ "$role" != control-plane ] || api=$address
    done <"$ROOT/etc/kubewright/peers"
    [ -z "$api" ] || claim_replacement
}

MARK=kubewright.dev/replacement # the annotation of a Node whose machine is being repaired or replaced

# claim_replacement: succeeds when no other control plane is being repaired, replaced or drained. Other members do not
# notice a failed kubelet, and the API server of a machine that is being replaced answers until the machine ends. A
# control plane therefore marks its Node before it reads the marks of the others, so that two never succeed at the same
# time. The mark disappears with the Node, or `well` removes it.
claim_replacement() {
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    : >"$STATE/replacement"
    peer_api annotate --overwrite node "$NODE_NAME" "$MARK=$PROVIDER_ID" >/dev/null 2>"$WORK/reason" || {
        say "the Node cannot be marked: $(tail -n 1 "$WORK/reason")" >&2
        return 1
    }
    columns='{range .items[*]}{.metadata.name}{" "}{.metadata.annotations.kubewright\.dev/replacement}'
    peer_api get nodes --selector=node-role.kubernetes.io/control-plane \
        -o "jsonpath=$columns"'{.spec.unschedulable}{"\n"}{end}' >"$WORK/marks" 2>"$WORK/reason" || {
        say "the Nodes of the control planes cannot be read: $(tail -n 1 "$WORK/reason")" >&2
        return 1
    }
    while read -r name mark; do
        case $name:$mark in "$NODE_NAME":* | *:) continue ;; esac
        say "$name is being repaired or replaced, or is cordoned" >&2
        remove_mark peer_api || say 'the Node keeps its mark' >&2
        return 1
    done <"$WORK/marks"
}

remove_mark() { # FUNCTION that calls the API
    "$1" annotate node "$NODE_NAME" "$MARK-" >/dev/null 2>&1 && rm -f "$STATE/replacement"
}

# peer_api: calls the API server of the other control plane at $api, because that of this machine may have failed.
peer_api() { admin_api --server="https://$api:6443" "$@" </dev/null; }

other_answers() { # ROLE ADDRESS
    keys=$ROOT/etc/etcd/pki
    case $1 in
    control-plane) admin_api --server="https://$2:6443" get --raw /readyz ;;
    etcd)
        "$LIBRARY/bin/etcdctl" --endpoints="https://$2:2379" --cacert="$keys/etcd-ca.crt" --cert="$keys/operator.crt" \
            --key="$keys/operator.key" --dial-timeout=2s --command-timeout=5s endpoint health
        ;;
    esac
}
