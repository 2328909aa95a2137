#!/bin/sh
# Defragments the data of the etcd members, one after another and the leader last. Every member starts this program, and
# only the one on the host of the leader does something.
# The unit etcd-defragment.service sets ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY and:
#   LOCAL         the URL of the member of this host
#   FREE_PERCENT  a database file with a smaller share of free space is left as it is
set -eu
LC_ALL=C
export LC_ALL

MIN_BYTES=${MIN_BYTES:-16777216} # smaller files waste no space, and stay fast

say() { printf '%s\n' "$*"; }
ctl() { # ENDPOINT ARGUMENT…
    endpoint=$1
    shift
    etcdctl --endpoints="$endpoint" --dial-timeout=3s --command-timeout="${COMMAND_SECONDS:-10}s" "$@" </dev/null
}
number() { sed -n "s/^\"$1\" : //p"; }

# members: sets MEMBERS to lines ID URL of all members, and fails when one of them is not a started voter.
members() {
    listed=$(ctl "$LOCAL" member list --write-out=simple) || return 1
    MEMBERS=
    while IFS=, read -r id status _ _ urls learner; do
        case $status,$learner in " started, false") ;; *) return 1 ;; esac
        MEMBERS="$MEMBERS$id ${urls# }
"
    done <<EOT
$listed
EOT
}

# all_healthy: succeeds when every member answers a linearizable read.
all_healthy() {
    while read -r _ asked; do
        [ -z "$asked" ] || ctl "$asked" endpoint health >/dev/null 2>&1 || return 1
    done <<EOT
$MEMBERS
EOT
}

is_leader() {
    status=$(ctl "$LOCAL" endpoint status --write-out=fields) || return 1
    [ "$(say "$status" | number MemberID)" = "$(say "$status" | number Leader)" ]
}

# is_fragmented URL: succeeds when enough of the database file is free. Sets SIZE and USED.
is_fragmented() {
    status=$(ctl "$1" endpoint status --write-out=fields) || return 1
    SIZE=$(say "$status" | number DBSize) USED=$(say "$status" | number DBSizeInUse)
    [ "$SIZE" -ge "$MIN_BYTES" ] && [ $(((SIZE - USED) * 100)) -ge $((SIZE * FREE_PERCENT)) ]
}

wait_healthy() {
    deadline=$(($(date +%s) + ${HEALTHY_SECONDS:-120}))
    until all_healthy; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 1
    done
}

# defragment URL: the member does not answer meanwhile.
defragment() {
    before=$SIZE
    COMMAND_SECONDS=600 ctl "$1" defrag >/dev/null || {
        say "etcd-defragment: $1 was not defragmented" >&2
        exit 1
    }
    wait_healthy || {
        say "etcd-defragment: not all members are healthy after the defragmentation of $1" >&2
        exit 1
    }
    status=$(ctl "$1" endpoint status --write-out=fields)
    say "defragmented $1: $before bytes before, $(say "$status" | number DBSize) after"
}

is_leader || {
    say "nothing to do: the member of this host is not the leader"
    exit 0
}
if ! members || ! all_healthy; then
    say "not started: not every member is a healthy voter"
    exit 0
fi
own=$(ctl "$LOCAL" endpoint status --write-out=fields | number MemberID)
own=$(printf '%x' "$own")
follower=
while read -r member url; do
    if [ -z "$url" ] || [ "$member" = "$own" ]; then continue; fi
    follower=$member
    all_healthy || {
        say "stopped: not every member is healthy"
        exit 0
    }
    if is_fragmented "$url"; then defragment "$url"; fi
done <<EOT
$MEMBERS
EOT
is_fragmented "$LOCAL" || exit 0
all_healthy || {
    say "stopped: not every member is healthy"
    exit 0
}
# Otherwise the cluster would elect another leader while this member does not answer.
[ -z "$follower" ] || ctl "$LOCAL" move-leader "$follower" >/dev/null
defragment "$LOCAL"
