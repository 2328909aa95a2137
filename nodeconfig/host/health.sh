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

# record_health_checks: keeps the health checks of the delivered services, for `well`.
record_health_checks() {
    rm -f "$RECORD"/ready.*
    [ -n "$PROVIDER_ID" ] || return 0
    while read -r unit _; do cp "$WORK/ready.$unit" "$RECORD/ready.$unit"; done <"$WORK/services"
}

# well: succeeds when every delivered service of this machine is healthy. Only this machine counts: nodes that
# cannot reach the API must not all be replaced.
well() {
    # shellcheck disable=SC2317 # health checks call it
    node_ready() { :; }
    # shellcheck disable=SC1091
    . "$ROOT/etc/kubewright/host.env"
    for check in "$STATE"/roles/*/ready.*; do
        [ -f "$check" ] || continue
        unit=${check##*/ready.}
        cp "$check" "$WORK/ready.$unit"
        : >"$WORK/reason"
        if ! is_healthy "$unit"; then
            reason=$(tail -n 1 "$WORK/reason")
            say "$unit is not healthy${reason:+: $reason}" >&2
            return 1
        fi
    done
}

# others_well: succeeds when every other member with a role of this machine is healthy. /etc/kubewright/peers has
# a line `ROLE ADDRESS` for each (nodeconfig.peers).
others_well() {
    [ -f "$ROOT/etc/kubewright/peers" ] || return 0
    while read -r role address; do
        other_answers "$role" "$address" </dev/null >/dev/null 2>"$WORK/reason" || {
            say "$role on $address is not healthy: $(tail -n 1 "$WORK/reason")" >&2
            return 1
        }
    done <"$ROOT/etc/kubewright/peers"
}

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
