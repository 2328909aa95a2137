#!/bin/sh
# What an etcd member decides on its host, because only there and then it can be known [C1].
#
#   start    before etcd: with which membership it starts, written for etcd to /etc/etcd/start.env
#   settle   after it: a learner is promoted; that this host has been a member is kept
#   ready    whether this member is a voter and serves, in quorum with the others
#   others   whether all other members serve, so that this one may be away
#   versions name and version of every member, a line each
#   leave    before the host goes: takes the member out, and its leadership away first
#   forget   NAME: takes another member out, whose host is lost for good
#
# /etc/etcd/peers has one line NAME=URL for each member that the configuration wants, this one too. It
# restarts nothing: whoever is in is the cluster's to know. Needs sh, coreutils and etcdctl.
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

# peers: addresses for clients of the other members that the configuration knows, one per line.
peers() {
    while IFS='=' read -r _ url; do
        [ -z "$url" ] || [ "$url" = "$SELF" ] || say "${url%:*}:2379"
    done <"$ETC/peers"
}

# ask ENDPOINT…: the membership as a cluster in quorum tells it, by the first of these that answers: lines
# `id, _, name, peer URL, client URLs, learner`. Sets ASKED to that endpoint.
ask() {
    for endpoint; do
        MEMBERS=$(ctl "$endpoint" member list --write-out=simple 2>/dev/null) || continue
        [ -n "$MEMBERS" ] || continue
        ASKED=$endpoint
        return 0
    done
    return 1
}

# glance ENDPOINT…: the membership as any of these has it, in quorum or not; all at once, as on the first
# day none of them is there, and everybody waits for this answer.
glance() {
    all=
    for endpoint; do all=$all${all:+,}$endpoint; done
    MEMBERS=$(ctl "$all" --dial-timeout=1s member list --write-out=simple --consistency=s 2>/dev/null) &&
        [ -n "$MEMBERS" ]
}

# refused ENDPOINT…: whether nothing listens at any of these, told at once instead of by a time-out. A host
# that is silent is another matter: it may have a cluster.
refused() {
    for endpoint; do
        said=$(ctl "$endpoint" --command-timeout=500ms member list --consistency=s 2>&1) && return 1
        case $said in *'connection refused'*) ;; *) return 1 ;; esac
    done
}

# row URL: sets ID, STARTED (yes or no) and LEARNER of the member with that peer URL in MEMBERS.
row() {
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

# has_served "CLIENT URLS, LEARNER": a member's addresses for clients are agreed on when it first serves. Its
# name (and so etcd's own word, `started`) is there before where a cluster is formed.
has_served() { case $1 in ' , '*) return 1 ;; esac }

# cluster: MEMBERS as etcd's initial cluster. Who has not started yet has no name there.
cluster() {
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

configured() {
    list=
    while read -r peer; do [ -z "$peer" ] || list=$list${list:+,}$peer; done <"$ETC/peers"
    say "$list"
}

start_with() { # new|existing CLUSTER
    say "ETCD_INITIAL_CLUSTER_STATE=$1
ETCD_INITIAL_CLUSTER=$2" >"$ETC/start.env.new"
    mv -f "$ETC/start.env.new" "$ETC/start.env"
}

has_data() {
    for file in "$DATA"/member/wal/*.wal; do [ ! -e "$file" ] || return 0; done
    return 1
}

# --- start -----------------------------------------------------------------------------------

start() {
    if has_data; then # identity and membership come from it
        start_with existing "$(configured)"
        return 0
    fi
    # A start that ended before its first record leaves an empty skeleton.
    rm -rf "$DATA/member"
    # shellcheck disable=SC2046
    set -- $(peers)
    if [ $# -gt 0 ] && ! refused "$@" && glance "$@" && is_established; then
        ask "$@" || fail "the cluster of $(cluster) has no quorum; start its other members first"
        join "$@"
    elif [ -e "$ETC/joined" ]; then
        fail "its data is gone and no other member answers; start the others, or restore a snapshot"
    else
        : >"$ETC/forming"
        start_with new "$(configured)"
        say "forms a new cluster: $(configured)"
    fi
}

# is_established: some member has served, which takes a quorum; those who form a cluster have not yet.
is_established() {
    while IFS=, read -r _ _ _ _ rest; do ! has_served "$rest" || return 0; done <<EOF
$MEMBERS
EOF
    return 1
}

# join ENDPOINT…: into a cluster that answers, as a learner. One learner at a time is etcd's limit, so
# several new members wait for each other here; a cluster that is not well is waited for too.
join() {
    rm -f "$ETC/forming"
    deadline=$(($(now) + ${KUBEWRIGHT_PATIENCE:-150}))
    until entered; do
        [ "$(now)" -lt "$deadline" ] || fail "not taken in: ${REASON:-no member answers in quorum}"
        sleep "$PAUSE"
        ask "$@" || MEMBERS=
    done
    ask "$@" || fail "no member answers in quorum any more"
    row "$SELF" || fail "taken out of the membership again while it joined"
    start_with existing "$(cluster)"
    say "joins as ${ID}: $(cluster)"
}

# entered: whether the membership has this member, not started. One that has started is this host's
# past: its data is lost, so it is taken out before the host comes in again.
entered() {
    [ -n "$MEMBERS" ] || return 1
    if row "$SELF"; then
        [ "$STARTED" = yes ] || return 0
        REASON=$(ctl "$ASKED" member remove "$ID" 2>&1) || return 1
        say "took out member $ID, whose data was lost with this host's disk"
    fi
    REASON=$(ctl "$ASKED" member add "$NODE_NAME" --peer-urls="$SELF" --learner 2>&1) || return 1
}

# --- afterwards ------------------------------------------------------------------------------

settle() {
    deadline=$(($(now) + ${KUBEWRIGHT_PATIENCE:-300}))
    # shellcheck disable=SC2046
    set -- "$LOCAL" $(peers)
    until settled "$@"; do
        [ "$(now)" -lt "$deadline" ] || fail "not a voter yet: ${REASON:-no member answers in quorum}"
        sleep "$PAUSE"
    done
    : >"$ETC/joined"
    rm -f "$ETC/forming"
}

# settled ENDPOINT…: a promotion may be refused while the learner is behind, and may be said to have
# failed although it went through (kubernetes#139842): the list decides.
settled() {
    ask "$@" && row "$SELF" && [ "$STARTED" = yes ] || return 1
    if [ "$LEARNER" = true ]; then
        REASON=$(ctl "$ASKED" member promote "$ID" 2>&1) && say "promoted member $ID to a voter"
        ask "$@" && row "$SELF" && [ "$LEARNER" = false ] || return 1
    fi
    ctl "$LOCAL" endpoint health >/dev/null 2>&1
}

ready() {
    ctl "$LOCAL" endpoint health
}

# others: waited for a while, as they may be about to come (back); no restart may disturb a learner.
others() {
    deadline=$(($(now) + ${KUBEWRIGHT_PATIENCE:-120}))
    until others_serve; do
        [ "$(now)" -lt "$deadline" ] || fail "$REASON"
        sleep "$PAUSE"
    done
}

others_serve() {
    ask "$LOCAL" || return 0 # not in quorum: a change cannot take it away
    while IFS=, read -r _ _ name url rest; do
        url=${url# } name=${name# }
        [ "$url" != "$SELF" ] || continue
        if [ "${rest##*, }" = true ] || ! has_served "$rest"; then
            REASON="member ${name:-$url} has not joined yet; run again when it has, or take it out of etcd.hosts"
            return 1
        fi
        if ! ctl "${url%:*}:2379" endpoint health >/dev/null 2>&1; then
            REASON="member $name (${url%:*}) does not serve; repair it, or take it out of etcd.hosts, before another is changed"
            return 1
        fi
    done <<EOF
$MEMBERS
EOF
}

versions() {
    # shellcheck disable=SC2046
    ask "$LOCAL" $(peers) || return 0 # not in quorum: there is nothing to keep
    while IFS=, read -r _ _ name url _; do
        url=${url# } name=${name# }
        # endpoint, id, version, ...
        line=$(ctl "${url%:*}:2379" endpoint status --write-out=simple 2>/dev/null) ||
            fail "member ${name:-$url} does not tell its version; repair it first"
        line=${line#*, }
        line=${line#*, }
        say "${name:-$url} ${line%%,*}"
    done <<EOF
$MEMBERS
EOF
}

# --- leave -----------------------------------------------------------------------------------

leave() {
    # shellcheck disable=SC2046
    set -- "$LOCAL" $(peers)
    [ $# -gt 1 ] || return 0 # alone, by the configuration: it goes with its data
    deadline=$(($(now) + ${KUBEWRIGHT_PATIENCE:-60}))
    until left "$@"; do
        [ "$(now)" -lt "$deadline" ] || fail "cannot leave: ${REASON:-no member answers in quorum}; nothing was removed." \
            "If the whole cluster goes, create /var/lib/kubewright/leaving on this host and run again"
        sleep "$PAUSE"
    done
}

left() { # ENDPOINT…
    if ! ask "$@"; then
        # One that never was in quorum with anybody has nothing to leave.
        [ ! -e "$ETC/joined" ]
        return
    fi
    row "$SELF" || return 0
    case $MEMBERS in *'
'*) ;; *) return 0 ;; esac # the last one goes with its data
    hand_over
    # At itself first: the packet filters of those that stay no longer know this host. A member that was
    # removed lives for a second longer, long enough to say so.
    for endpoint; do
        REASON=$(ctl "$endpoint" member remove "$ID" 2>&1) && say "left the membership" && return 0
    done
    return 1
}

# hand_over: leadership goes to another voter, so that no election is needed.
hand_over() {
    while IFS=, read -r id _ _ url rest; do
        case ${url# },${rest##*, } in "$SELF",* | *,true) continue ;; esac
        has_served "$rest" || continue
        moved=$(ctl "$LOCAL" move-leader "$id" 2>&1) && return 0
        case $moved in *"no leader endpoint"*) return 0 ;; esac # it is another's
    done <<EOF
$MEMBERS
EOF
}

forget() { # NAME
    # shellcheck disable=SC2046
    ask "$LOCAL" $(peers) || fail "no member answers in quorum; nothing was removed"
    found=
    while IFS=, read -r id _ name _; do [ "${name# }" != "$1" ] || found=$id; done <<EOF
$MEMBERS
EOF
    [ -n "$found" ] || { say "$1 is no member" && return 0; }
    REASON=$(ctl "$ASKED" member remove "$found" 2>&1) || fail "$1 cannot be taken out: $REASON"
    say "took $1 out of the membership"
}

case ${1:-} in
forget) forget "${2:-}" ;;
start | settle | ready | others | versions | leave) "$1" ;;
*) fail "no such command: ${1:-}" ;;
esac
