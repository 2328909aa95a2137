#!/bin/sh
# shellcheck disable=SC2034 # variables for the text that follows
# Reads and writes etcd's membership on a member's host [C1]. etcd-member.sh follows in the same file.
#
# /etc/etcd/peers has one line NAME=URL for each configured member, including this one. A change of that file
# restarts nothing: the cluster itself knows its members. Needs sh, coreutils and etcdctl.
set -eu
LC_ALL=C
export LC_ALL

ROOT=${KUBEWRIGHT_ROOT:-}
# shellcheck disable=SC1091
. "$ROOT/etc/kubewright/host.env"
ETC=$ROOT/etc/etcd
DATA=$ROOT/var/lib/etcd
SELF=https://$NODE_IP:2380
LOCAL=https://$NODE_IP:2379
PAUSE=${KUBEWRIGHT_PAUSE:-1}

say() { printf '%s\n' "$*"; }

now() { date +%s; }

fail() {
    say "kubewright: $NODE_NAME: etcd: $*" >&2
    exit 1
}

ctl() { # ENDPOINTS ARGUMENT…
    endpoints=$1
    shift
    "$ROOT/usr/local/lib/kubewright/bin/etcdctl" --endpoints="$endpoints" --cacert="$ETC/pki/etcd-ca.crt" \
        --cert="$ETC/pki/operator.crt" --key="$ETC/pki/operator.key" --dial-timeout=2s --command-timeout=4s "$@"
}

# peers: client URLs of the other configured members, one per line.
peers() {
    while IFS='=' read -r _ url; do
        [ -z "$url" ] || [ "$url" = "$SELF" ] || say "${url%:*}:2379"
    done <"$ETC/peers"
}

# list_members ENDPOINT…: sets MEMBERS to the membership as a cluster in quorum reports it, from the first
# endpoint that answers, and ANSWERED to that endpoint. Lines are `id, _, name, peer URL, client URLs, learner`.
list_members() {
    for endpoint; do
        MEMBERS=$(ctl "$endpoint" member list --write-out=simple 2>/dev/null) || continue
        [ -n "$MEMBERS" ] || continue
        ANSWERED=$endpoint
        return 0
    done
    return 1
}

# list_members_of_any ENDPOINT…: sets MEMBERS to the membership as any endpoint has it, in quorum or not. Asks
# all endpoints at once: when a cluster is created no endpoint answers, and every member waits for this.
list_members_of_any() {
    all=
    for endpoint; do all=$all${all:+,}$endpoint; done
    MEMBERS=$(ctl "$all" --dial-timeout=1s member list --write-out=simple --consistency=s 2>/dev/null) &&
        [ -n "$MEMBERS" ]
}

# all_refuse ENDPOINT…: succeeds when no endpoint has a listener, without waiting for time-outs. A host that
# does not answer at all may have a cluster.
all_refuse() {
    for endpoint; do
        answer=$(ctl "$endpoint" --command-timeout=500ms member list --consistency=s 2>&1) && return 1
        case $answer in *'connection refused'*) ;; *) return 1 ;; esac
    done
}

# find_member URL: sets ID, STARTED (yes or no) and LEARNER of the member with that peer URL in MEMBERS.
find_member() {
    ID='' STARTED='' LEARNER=''
    while IFS=, read -r id _ _ url rest; do
        [ "${url# }" = "$1" ] || continue
        ID=$id LEARNER=${rest##*, } STARTED=no
        ! has_served "$rest" || STARTED=yes
        return 0
    done <<EOF
$MEMBERS
EOF
    return 1
}

# has_served "CLIENT URLS, LEARNER": a member publishes its client URLs when it first serves. Its name, and so
# etcd's state `started`, exists before that where a cluster is created.
has_served() { case $1 in ' , '*) return 1 ;; esac }

# is_established: succeeds when a member has served, which takes a quorum.
is_established() {
    while IFS=, read -r _ _ _ _ rest; do ! has_served "$rest" || return 0; done <<EOF
$MEMBERS
EOF
    return 1
}

# cluster_of_members: MEMBERS as etcd's initial cluster. A member that has not started has no name yet.
cluster_of_members() {
    list=
    while IFS=, read -r id _ name url _; do
        [ -n "$id" ] || continue
        name=${name# } url=${url# }
        [ "$url" != "$SELF" ] || name=$NODE_NAME
        list=$list${list:+,}${name:-member-$id}=$url
    done <<EOF
$MEMBERS
EOF
    say "$list"
}

configured_cluster() {
    list=
    while read -r peer; do [ -z "$peer" ] || list=$list${list:+,}$peer; done <"$ETC/peers"
    say "$list"
}

write_start() { # new|existing CLUSTER
    say "ETCD_INITIAL_CLUSTER_STATE=$1
ETCD_INITIAL_CLUSTER=$2" >"$ETC/start.env.new"
    mv -f "$ETC/start.env.new" "$ETC/start.env"
}

has_data() {
    for file in "$DATA"/member/wal/*.wal; do [ ! -e "$file" ] || return 0; done
    return 1
}
