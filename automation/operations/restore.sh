# shellcheck shell=sh disable=SC2154
# The host's side of `restore`. A first line sets step, and for an etcd member: sum, name, url, cluster,
# token, stamp. Every step may be run again after an interruption, from the first one on.
set -eu
umask 077
LC_ALL=C
export LC_ALL
ROOT=${KUBEWRIGHT_ROOT:-} # a prefix for every path (tests)
BIN=$ROOT/usr/local/lib/kubewright/bin
DATA=$ROOT/var/lib/etcd
PKI=$ROOT/etc/etcd/pki
WORK=$DATA/restore

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# end UNIT…: an API server that has lost its etcd takes minutes to end by itself, and what it still
# could do would be thrown away anyway.
end() {
    timeout "${PATIENCE:-20}" systemctl stop "$@" || {
        systemctl kill --signal=KILL "$@" 2>/dev/null || :
        timeout 60 systemctl stop "$@" || die "does not stop: $*"
    }
}

readyz() {
    "$BIN/kubectl" --kubeconfig="$ROOT/etc/kubernetes/admin.conf" --server=https://127.0.0.1:6443 \
        --request-timeout=3s get --raw /readyz
}

wait_for() { # SECONDS WHAT COMMAND…
    seconds=$1 what=$2
    shift 2
    end=$(($(date +%s) + seconds))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || die "$what not well after $seconds s: $("$@" 2>&1 | tail -n 1)"
        sleep 0.5
    done
}

has_snapshot() {
    found=$(sha256sum <"$WORK/$sum.db" 2>/dev/null) && [ "${found%% *}" = "$sum" ]
}

case $step in
have) # is the snapshot here already?
    has_snapshot && echo yes || echo no
    ;;
receive) # the snapshot, on standard input
    [ -d "$DATA" ] || die "$DATA is not there; the etcd role was never delivered to this host"
    rm -rf "$WORK"
    mkdir -p "$WORK"
    cat >"$WORK/$sum.db" || die "no room for the snapshot in $DATA"
    has_snapshot || die "the snapshot did not arrive whole; is the disk full?"
    ;;
prepare) # the new data, beside the old, which is still in use
    rm -rf "$WORK/data"
    "$BIN/etcdutl" snapshot status "$WORK/$sum.db" --write-out=json
    # Revisions jump and all older ones count as compacted, or clients would trust caches that are wrong now.
    "$BIN/etcdutl" snapshot restore "$WORK/$sum.db" --data-dir="$WORK/data" --name="$name" \
        --initial-cluster="$cluster" --initial-cluster-token="$token" --initial-advertise-peer-urls="$url" \
        --bump-revision=1000000000 --mark-compacted >"$WORK/log" 2>&1 || die "etcdutl: $(tail -n 1 "$WORK/log")"
    [ -n "$ROOT" ] || chown -R etcd:etcd "$WORK/data"
    sync
    ;;
stop-api)
    end kube-apiserver.service kube-controller-manager.service kube-scheduler.service
    ;;
stop-etcd)
    end etcd.service
    ;;
swap) # the old data is kept aside, also that of an attempt before
    [ -d "$WORK/data/member" ] || die "the new data is not prepared"
    ! systemctl is-active --quiet etcd.service || die "etcd still runs"
    if [ -d "$DATA/member" ]; then
        mkdir -p "$DATA/before-$stamp"
        mv -T "$DATA/member" "$DATA/before-$stamp/member"
    fi
    mv -T "$WORK/data/member" "$DATA/member"
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
    ;;
start-api)
    systemctl start --no-block kube-apiserver.service
    wait_for 180 "the API server" readyz
    # Only now: they must not act on what they knew before.
    systemctl restart kube-controller-manager.service kube-scheduler.service
    ;;
restart-kubelet)
    timeout 120 systemctl restart kubelet.service || die "kubelet does not restart"
    ;;
*) die "no such step: $step" ;;
esac
