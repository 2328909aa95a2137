# shellcheck shell=sh
# Decisions about an etcd member that only its host can take. etcd-membership.sh comes before this text.
#
#   start    before etcd starts: write the membership it starts with to /etc/etcd/start.env
#   promote  after etcd started: promote a learner to a voter, and record that this host has been a member
#   ready    succeed when this member is a voter and serves, in quorum with the others
#   others   succeed when all other members serve, so that this member may restart
#   versions print name and version of every member, one per line
#   leave    before the host is removed: hand over leadership and leave the membership
#   forget   NAME: remove another member whose host is lost for good

# --- start -----------------------------------------------------------------------------------

start() {
    if has_data; then # identity and membership are in the data
        write_start existing "$(configured_cluster)"
        return 0
    fi
    # A start that ended before etcd's first record leaves an empty directory tree.
    rm -rf "$DATA/member"
    # shellcheck disable=SC2046
    set -- $(peers)
    if [ $# -gt 0 ] && ! all_refuse "$@" && list_members_of_any "$@" && is_established; then
        list_members "$@" ||
            fail "the cluster of $(cluster_of_members) has no quorum; start its other members first"
        join "$@"
    elif [ -e "$ETC/joined" ]; then
        fail "its data is gone and no other member answers; start the others, or restore a snapshot"
    else
        : >"$ETC/forming"
        write_start new "$(configured_cluster)"
        say "creates a new cluster: $(configured_cluster)"
    fi
}

# join ENDPOINT…: joins an existing cluster as a learner. etcd allows one learner at a time, so several new
# members wait for each other here; they also wait for a cluster that has lost its quorum.
join() {
    rm -f "$ETC/forming"
    deadline=$(($(now) + ${KUBEWRIGHT_TIMEOUT:-150}))
    until add_self; do
        [ "$(now)" -lt "$deadline" ] || fail "not added to the cluster: ${REASON:-no member answers in quorum}"
        sleep "$PAUSE"
        list_members "$@" || MEMBERS=
    done
    list_members "$@" || fail "no member answers in quorum any more"
    find_member "$SELF" || fail "removed from the membership again while it joined"
    write_start existing "$(cluster_of_members)"
    say "joins as ${ID}: $(cluster_of_members)"
}

# add_self: succeeds when the membership has this member as not started. A started one is from this host's
# lost data, so it is removed before the host is added again.
add_self() {
    [ -n "$MEMBERS" ] || return 1
    if find_member "$SELF"; then
        [ "$STARTED" = yes ] || return 0
        REASON=$(ctl "$ANSWERED" member remove "$ID" 2>&1) || return 1
        say "removed member $ID, whose data was lost with this host's disk"
    fi
    REASON=$(ctl "$ANSWERED" member add "$NODE_NAME" --peer-urls="$SELF" --learner 2>&1) || return 1
}

# --- after the start -------------------------------------------------------------------------

promote() {
    deadline=$(($(now) + ${KUBEWRIGHT_TIMEOUT:-300}))
    # shellcheck disable=SC2046
    set -- "$LOCAL" $(peers)
    until is_voter "$@"; do
        [ "$(now)" -lt "$deadline" ] || fail "not a voter yet: ${REASON:-no member answers in quorum}"
        sleep "$PAUSE"
    done
    : >"$ETC/joined"
    rm -f "$ETC/forming"
}

# is_voter ENDPOINT…: promotes a learner first. etcd refuses while the learner is behind, and may report a
# failure of a promotion that succeeded (kubernetes#139842): the list of members decides.
is_voter() {
    list_members "$@" && find_member "$SELF" && [ "$STARTED" = yes ] || return 1
    if [ "$LEARNER" = true ]; then
        REASON=$(ctl "$ANSWERED" member promote "$ID" 2>&1) && say "promoted member $ID to a voter"
        list_members "$@" && find_member "$SELF" && [ "$LEARNER" = false ] || return 1
    fi
    ctl "$LOCAL" endpoint health >/dev/null 2>&1
}

ready() {
    # etcd starts the promotion only when etcd itself starts: not when an update replaced the unit meanwhile.
    [ -n "$ROOT" ] || [ -e "$ETC/joined" ] || systemctl start --no-block etcd-promote.service
    ctl "$LOCAL" endpoint health
}

# others: waits a while for members that are about to come back; no restart may disturb a learner.
others() {
    deadline=$(($(now) + ${KUBEWRIGHT_TIMEOUT:-120}))
    until others_serve; do
        [ "$(now)" -lt "$deadline" ] || fail "$REASON"
        sleep "$PAUSE"
    done
}

others_serve() {
    list_members "$LOCAL" || return 0 # not in quorum: a restart cannot break it
    while IFS=, read -r _ _ name url rest; do
        url=${url# } name=${name# }
        [ "$url" != "$SELF" ] || continue
        if [ "${rest##*, }" = true ] || ! has_served "$rest"; then
            REASON="member ${name:-$url} has not joined yet; run again when it has, or remove it from etcd.hosts"
            return 1
        fi
        if ! ctl "${url%:*}:2379" endpoint health >/dev/null 2>&1; then
            REASON="member $name (${url%:*}) does not serve; repair it, or remove it from etcd.hosts, before another member changes"
            return 1
        fi
    done <<EOF
$MEMBERS
EOF
}

versions() {
    # shellcheck disable=SC2046
    list_members "$LOCAL" $(peers) || return 0 # not in quorum: there is nothing to protect
    while IFS=, read -r _ _ name url _; do
        url=${url# } name=${name# }
        # endpoint, id, version, ...
        line=$(ctl "${url%:*}:2379" endpoint status --write-out=simple 2>/dev/null) ||
            fail "member ${name:-$url} does not report its version; repair it first"
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
    [ $# -gt 1 ] || return 0 # the only configured member is removed with its data
    deadline=$(($(now) + ${KUBEWRIGHT_TIMEOUT:-60}))
    until remove_self "$@"; do
        [ "$(now)" -lt "$deadline" ] || fail "cannot leave: ${REASON:-no member answers in quorum}; nothing was removed." \
            "If the whole cluster goes, create /var/lib/kubewright/leaving on this host and run again"
        sleep "$PAUSE"
    done
}

remove_self() { # ENDPOINT…
    if ! list_members "$@"; then
        # A member that never was in quorum has nothing to leave.
        [ ! -e "$ETC/joined" ]
        return
    fi
    find_member "$SELF" || return 0
    case $MEMBERS in *'
'*) ;; *) return 0 ;; esac # the last member is removed with its data
    hand_over
    # Asks itself first: the packet filters of remaining members no longer admit this host. A removed member
    # runs one second longer, long enough to answer.
    for endpoint; do
        REASON=$(ctl "$endpoint" member remove "$ID" 2>&1) && say "left the membership" && return 0
    done
    return 1
}

# hand_over: moves leadership to another voter, so that no election is needed.
hand_over() {
    while IFS=, read -r id _ _ url rest; do
        case ${url# },${rest##*, } in "$SELF",* | *,true) continue ;; esac
        has_served "$rest" || continue
        output=$(ctl "$LOCAL" move-leader "$id" 2>&1) && return 0
        case $output in *"no leader endpoint"*) return 0 ;; esac # another member is the leader
    done <<EOF
$MEMBERS
EOF
}

forget() { # NAME
    # shellcheck disable=SC2046
    list_members "$LOCAL" $(peers) || fail "no member answers in quorum; nothing was removed"
    lost=
    while IFS=, read -r id _ name _; do [ "${name# }" != "$1" ] || lost=$id; done <<EOF
$MEMBERS
EOF
    [ -n "$lost" ] || { say "$1 is not a member" && return 0; }
    REASON=$(ctl "$ANSWERED" member remove "$lost" 2>&1) || fail "$1 cannot be removed: $REASON"
    say "removed $1 from the membership"
}

case ${1:-} in
forget) forget "${2:-}" ;;
start | promote | ready | others | versions | leave) "$1" ;;
*) fail "no such command: ${1:-}" ;;
esac
