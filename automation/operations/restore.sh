# shellcheck shell=sh disable=SC2154
# The steps of `restore` on a host. A first line sets step, and for an etcd member: sum, name, url, cluster,
# token, stamp. After an interruption all steps may run again from the first one.
set -eu
umask 077
LC_ALL=C
export LC_ALL
cd / # the user etcd cannot enter the home directory of root
ROOT=${KUBEWRIGHT_ROOT:-} # a prefix for every path (tests)
BIN=$ROOT/usr/local/lib/kubewright/bin
DATA=$ROOT/var/lib/etcd
PKI=$ROOT/etc/etcd/pki
WORK=$DATA/restore

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# as_etcd COMMAND…: runs a command in etcd's data directory. etcd owns this directory: root would follow links that
# a program of that user placed there.
as_etcd() {
    if [ -n "$ROOT" ]; then
        "$@"
    else
        setpriv --reuid="$(id -u etcd)" --regid="$(id -g etcd)" --clear-groups "$@"
    fi
}

# stop_units UNIT…: kills units that do not stop. An API server without etcd takes minutes to stop, and the
# restore discards its writes.
stop_units() {
    timeout "${STOP_SECONDS:-20}" systemctl stop "$@" || {
        systemctl kill --signal=KILL "$@" 2>/dev/null || :
        timeout 60 systemctl stop "$@" || die "these units do not stop: $*"
    }
}

# The boot program of a cloud starts the repair of a machine that is not healthy, and until the machine is healthy it
# starts stopped services again: not during a restore.
pause_repair() {
    if has_unit kubewright-repair.timer; then timeout 20 systemctl stop kubewright-repair.timer || :; fi
    if is_booting; then timeout 20 systemctl stop kubewright-boot.service || :; fi
}
resume_repair() {
    if has_unit kubewright-repair.timer; then systemctl start kubewright-repair.timer; fi
    if is_booting; then systemctl start --no-block kubewright-boot.service; fi
}
is_booting() { has_unit kubewright-boot.service && [ ! -e "$ROOT/run/kubewright-boot/complete" ]; }
has_unit() { [ -e "$ROOT/etc/systemd/system/$1" ]; }

readyz() {
    "$BIN/kubectl" --kubeconfig="$ROOT/etc/kubernetes/admin.conf" --server=https://127.0.0.1:6443 \
        --request-timeout=3s get --raw /readyz
}

admin() { "$BIN/kubectl" --kubeconfig="$ROOT/etc/kubernetes/admin.conf" --request-timeout=10s "$@"; }

# read_identity: the name and the id of a control plane of a cloud; both are empty elsewhere.
read_identity() {
    PROVIDER_ID='' NODE_NAME=''
    [ -f "$ROOT/etc/kubernetes/admin.conf" ] && [ -f "$ROOT/etc/kubewright/host.env" ] || return 0
    # shellcheck disable=SC1091 # the identity of the host
    . "$ROOT/etc/kubewright/host.env"
}

# owner_of_node: whether the Node of this control plane of a cloud is its own, that of another machine with the same
# name, or missing. The snapshot can be that of a cluster in another region, and the id in a Node cannot change.
owner_of_node() {
    [ -n "$PROVIDER_ID" ] || { echo own && return; }
    node=$(admin get node "$NODE_NAME" --ignore-not-found -o 'jsonpath={.metadata.name} {.spec.providerID}') ||
        die "the Node of this machine cannot be read"
    case ${node#* } in
    "$PROVIDER_ID") echo own ;;
    '') if [ -n "$node" ]; then echo own; else echo missing; fi ;;
    *) echo other ;;
    esac
}

# restart_flannel: flannel annotates a Node only when it starts. A Node that the kubelet registers again can have another
# subnet for pods. Pods with addresses in the old subnet have no network, so the kubelet must start them again.
restart_flannel() {
    before=$(network_file)
    systemctl restart --no-block flanneld.service
    wait_for 120 flannel has_new_network_file
    stop_pods_outside_subnet
    # The kubelet may have been starting a pod with the old configuration.
    sleep 5
    stop_pods_outside_subnet
}
network_file() { stat -c '%i %z' "$ROOT/etc/cni/net.d/10-kubewright.conflist" 2>/dev/null || echo none; }
has_new_network_file() { [ "$(network_file)" != "$before" ]; }

stop_pods_outside_subnet() {
    # shellcheck disable=SC1091 # the subnet of this host
    . "$ROOT/run/flannel/subnet.env"
    pods=$(runtime pods --state=ready --quiet) || die "the pods of this host cannot be listed"
    for pod in $pods; do
        # A pod can end meanwhile.
        address=$(runtime inspectp --output=go-template --template='{{.status.network.ip}}' "$pod") || continue
        # A pod in the network of the host has no address.
        if [ -z "$address" ] || is_in_subnet "$address" "$FLANNEL_SUBNET"; then continue; fi
        runtime stopp "$pod" >/dev/null || die "the pod with the address $address does not stop"
    done
}
runtime() { "$BIN/crictl" --timeout=60s "$@"; }
is_in_subnet() { # ADDRESS SUBNET, such as 10.244.4.1/24
    bits=$((32 - ${2#*/}))
    [ $(($(number "$1") >> bits)) = $(($(number "${2%/*}") >> bits)) ]
}
number() { # ADDRESS
    printf '%s\n' "$1" | {
        IFS=. read -r a b c d
        echo $(((a << 24) + (b << 16) + (c << 8) + d))
    }
}

wait_for() { # SECONDS WHAT COMMAND…
    seconds=$1 what=$2
    shift 2
    deadline=$(($(date +%s) + seconds))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$deadline" ] || die "$what is not healthy after $seconds s: $("$@" 2>&1 | tail -n 1)"
        sleep 0.5
    done
}

has_snapshot() {
    actual=$(as_etcd sha256sum "$WORK/$sum.db" 2>/dev/null) && [ "${actual%% *}" = "$sum" ]
}

case $step in
have) # print whether the host has the snapshot already
    has_snapshot && echo yes || echo no
    ;;
receive) # store the snapshot from standard input
    [ -d "$DATA" ] || die "$DATA does not exist; the etcd role was never delivered to this host"
    rm -rf "$WORK"
    as_etcd mkdir -p "$WORK"
    # shellcheck disable=SC2016
    as_etcd sh -c 'cat >"$1"' sh "$WORK/$sum.db" || die "the snapshot cannot be written to $DATA; is the disk full?"
    has_snapshot || die "the snapshot is not complete; is the disk full?"
    ;;
prepare) # create the new data beside the old data, which is still in use
    rm -rf "$WORK/data"
    as_etcd "$BIN/etcdutl" snapshot status "$WORK/$sum.db" --write-out=json
    # Raises revisions and marks older ones as compacted; otherwise clients would trust caches that are now wrong.
    output=$(as_etcd "$BIN/etcdutl" snapshot restore "$WORK/$sum.db" --data-dir="$WORK/data" --name="$name" \
        --initial-cluster="$cluster" --initial-cluster-token="$token" --initial-advertise-peer-urls="$url" \
        --bump-revision=1000000000 --mark-compacted 2>&1) || die "etcdutl: $(printf '%s\n' "$output" | tail -n 1)"
    sync
    ;;
stop-api)
    pause_repair
    stop_units kube-apiserver.service kube-controller-manager.service kube-scheduler.service
    ;;
stop-etcd)
    pause_repair
    stop_units etcd.service
    ;;
swap) # keep the old data in another directory, also the data of an earlier attempt
    [ -d "$WORK/data/member" ] || die "the new data is not prepared"
    ! systemctl is-active --quiet etcd.service || die "etcd still runs"
    if [ -d "$DATA/member" ]; then
        as_etcd mkdir -p "$DATA/before-$stamp"
        as_etcd mv -T "$DATA/member" "$DATA/before-$stamp/member"
    fi
    as_etcd mv -T "$WORK/data/member" "$DATA/member"
    sync
    rm -rf "$WORK"
    ;;
start-etcd)
    systemctl reset-failed etcd.service 2>/dev/null || :
    systemctl start --no-block etcd.service
    ;;
wait-etcd)
    wait_for 180 etcd "$BIN/etcdctl" --endpoints=https://127.0.0.1:2379 --cacert="$PKI/etcd-ca.crt" \
        --cert="$PKI/operator.crt" --key="$PKI/operator.key" --command-timeout=3s endpoint health
    has_unit kube-apiserver.service || resume_repair
    ;;
start-api)
    systemctl start --no-block kube-apiserver.service
    wait_for 180 "the API server" readyz
    # Restarts these only now: they must not act on their old caches.
    systemctl restart kube-controller-manager.service kube-scheduler.service
    resume_repair
    ;;
restart-kubelet)
    read_identity
    owner=$(owner_of_node)
    case $owner in
    other) admin delete node "$NODE_NAME" --timeout=60s >/dev/null || die "the Node of another machine cannot be deleted" ;;
    esac
    timeout 120 systemctl restart kubelet.service || die "the kubelet does not restart"
    # The boot program sets the labels and taints of the new Node.
    if [ "$owner" != own ]; then
        rm -f "$ROOT/run/kubewright-boot/complete"
        systemctl restart --no-block kubewright-boot.service
    fi
    # The kubelet registers a Node that the restored data does not have.
    if has_unit flanneld.service; then restart_flannel; fi
    ;;
*) die "no such step: $step" ;;
esac
