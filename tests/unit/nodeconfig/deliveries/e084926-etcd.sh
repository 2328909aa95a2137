# etcd
umask 077
work=$(mktemp -d /run/kubewright.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
base64 -d | tar -x -C "$work" || exit 1
cat >"$work/script" <<'KUBEWRIGHT' || exit 1
. "$1/prelude.sh"
authority <<'EOF'
-----BEGIN CERTIFICATE-----
authority
-----END CERTIFICATE-----
EOF
program U S
. "$1/host.sh"
begin etcd
version etcd 3.7.3
module overlay
module br_netfilter
module nf_conntrack
module vxlan
artifact netfilter https://mirror/netfilter/1 f0c7dc03f0131bca30b2d70608d3f4e21258c2fd69d58fe5ec3ad16844d0301b /usr/local/lib/kubewright/netfilter '*'
artifact etcd https://mirror/etcd/3.7.3 f6c0f6ba6b48e0ddffb042b3dc521f3caa411b3a28b7e2aba631e825aba3006e /usr/local/lib/kubewright/bin/etcd
artifact etcdctl https://mirror/etcdctl/3.7.3 99bba40f40cfb20a3dd74f73397b6d6d93dc490517e4fafa53bec16653ca70d9 /usr/local/lib/kubewright/bin/etcdctl
artifact etcdutl https://mirror/etcdutl/3.7.3 d0db8223415a24fdd8c4557a99c8ef3e1904cfe8ee6ec93ff5c9cea1cee98827 /usr/local/lib/kubewright/bin/etcdutl
directory 0755 root:root /etc/kubewright
directory 0755 root:root /etc/etcd
directory 0755 root:root /etc/etcd/pki
directory 0700 etcd:etcd /var/lib/etcd
directory 0700 root:root /var/lib/etcd-snapshots
identity cp-1 10.0.0.1
file 0644 root:root /etc/modules-load.d/kubewright.conf <<'EOF'
overlay
br_netfilter
nf_conntrack
vxlan
EOF
file 0644 root:root /etc/sysctl.d/90-kubewright.conf <<'EOF'
net.ipv4.ip_forward = 1
-net.bridge.bridge-nf-call-iptables = 1
-net.bridge.bridge-nf-call-ip6tables = 1
-fs.inotify.max_user_instances = 8192
-fs.inotify.max_user_watches = 524288
-net.netfilter.nf_conntrack_tcp_be_liberal = 1
EOF
file 0600 root:root /etc/kubewright/firewall.nft <<'EOF'
table inet kubewright
delete table inet kubewright
table inet kubewright {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname "lo" accept
    meta l4proto 58 accept
    tcp dport 22 accept comment "SSH: deployment"
    meta l4proto 1 accept comment "path MTU, reachability"
    ip saddr 10.97.0.0/24 tcp dport 6443 accept comment "Kubernetes API"
    ip saddr 10.244.0.0/16 tcp dport 6443 accept comment "Kubernetes API"
    ip saddr 10.97.0.21/32 tcp dport 2379 accept comment "etcd clients"
    ip saddr 10.97.0.22/31 tcp dport 2379 accept comment "etcd clients"
    ip saddr 10.97.0.21/32 tcp dport 2380 accept comment "etcd peers"
    ip saddr 10.97.0.22/31 tcp dport 2380 accept comment "etcd peers"
    ip saddr 10.97.0.0/24 tcp dport 10250 accept comment "kubelet: logs, exec, metrics"
    ip saddr 10.244.0.0/16 tcp dport 10250 accept comment "kubelet: logs, exec, metrics"
    ip saddr 10.97.0.0/24 tcp dport 10256 accept comment "kube-proxy: health of balanced services"
    ip saddr 10.97.0.0/24 udp dport 8472 accept comment "flannel vxlan"
    tcp dport 30000-32767 accept comment "services of type NodePort"
    udp dport 30000-32767 accept comment "services of type NodePort"
  }
}
EOF
file 0600 root:root /etc/systemd/system/kubewright-firewall.service <<'EOF'
[Unit]
Description=Kubewright's packet filter
Before=network-pre.target
Wants=network-pre.target
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/kubewright/netfilter/nft -f /etc/kubewright/firewall.nft
ExecReload=/usr/local/lib/kubewright/netfilter/nft -f /etc/kubewright/firewall.nft
ExecStop=/usr/local/lib/kubewright/netfilter/nft delete table inet kubewright

[Install]
WantedBy=multi-user.target
EOF
file 0644 root:root /etc/sysusers.d/kubewright-etcd.conf <<'EOF'
u etcd - "etcd" /var/lib/etcd -
EOF
file 0755 root:root /usr/local/lib/kubewright/etcd-member <<'EOF_'
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
EOF_
file 0644 root:root /etc/etcd/peers <<'EOF'
cp-1=https://10.97.0.21:2380
cp-2=https://10.97.0.22:2380
cp-3=https://10.97.0.23:2380
EOF
file 0600 root:root /etc/systemd/system/etcd-settle.service <<'EOF'
[Unit]
Description=etcd member's entry into the membership
After=etcd.service
PartOf=etcd.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/local/lib/kubewright/etcd-member settle
Restart=on-failure
RestartSec=2
EOF
file 0600 root:root /etc/systemd/system/etcd.service <<'EOF'
[Unit]
Description=etcd member of Kubernetes
Wants=network.target
After=network.target
RequiresMountsFor=/var/lib/etcd
Wants=etcd-settle.service
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HTTP2_READ_IDLE_TIMEOUT_SECONDS=10 HTTP2_PING_TIMEOUT_SECONDS=5
User=etcd
EnvironmentFile=-/etc/etcd/start.env
ExecStartPre=+/usr/local/lib/kubewright/etcd-member start
TimeoutStartSec=300
LimitNOFILE=65536
OOMScoreAdjust=-999
Nice=-5
IOSchedulingClass=best-effort
IOSchedulingPriority=0
ExecStart=/usr/local/lib/kubewright/bin/etcd \
  --name=cp-1 \
  --data-dir=/var/lib/etcd \
  --listen-client-urls=https://127.0.0.1:2379,https://10.97.0.21:2379 \
  --advertise-client-urls=https://10.97.0.21:2379 \
  --listen-peer-urls=https://10.97.0.21:2380 \
  --initial-advertise-peer-urls=https://10.97.0.21:2380 \
  --initial-cluster-token=ha \
  --cert-file=/etc/etcd/pki/server.crt \
  --key-file=/etc/etcd/pki/server.key \
  --trusted-ca-file=/etc/etcd/pki/etcd-ca.crt \
  --client-cert-auth=true \
  --peer-cert-file=/etc/etcd/pki/peer.crt \
  --peer-key-file=/etc/etcd/pki/peer.key \
  --peer-trusted-ca-file=/etc/etcd/pki/etcd-ca.crt \
  --peer-client-cert-auth=true \
  --tls-min-version=TLS1.2 \
  --listen-metrics-urls=http://127.0.0.1:2381 \
  --quota-backend-bytes=8589934592 \
  --feature-gates=InitialCorruptCheck=true,CompactHashCheck=true
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
EOF
file 0755 root:root /usr/local/lib/kubewright/etcd-snapshot <<'EOF'
#!/bin/sh
# Takes a snapshot of this host's etcd member, keeps the newest ones, and copies it away if asked.
# The unit etcd-snapshot.service runs it with NODE_NAME, ETCDCTL_* and:
#   DIRECTORY  where snapshots are kept, KEEP how many of them, COPY_TO a further directory or empty
# A file without `.part` is whole, and its sha256 is beside it.
set -eu
umask 077
LC_ALL=C
export LC_ALL

COPY_SECONDS=${COPY_SECONDS:-300}
# The unit does not try again at once after this: each time there would be one snapshot more.
NO_COPY=75

die() {
    printf 'etcd-snapshot: %s\n' "$*" >&2
    exit 1
}

# keep_newest DIRECTORY: names begin with the time, so their order is that of age.
keep_newest() {
    set -- "$1"/etcd-*-"$NODE_NAME".db
    while [ $# -gt "$KEEP" ]; do
        rm -f "$1" "$1.sha256"
        shift
    done
}

# copy FILE: runs bounded, because a network file system whose server is gone blocks for ever.
copy() {
    cp "$1" "$COPY_TO/.$name.part"
    [ "$(sha256sum <"$COPY_TO/.$name.part")" = "$(sha256sum <"$1")" ] || die "the copy in $COPY_TO differs"
    cp "$1.sha256" "$COPY_TO/$name.sha256"
    mv "$COPY_TO/.$name.part" "$COPY_TO/$name"
    keep_newest "$COPY_TO"
}

name=etcd-$(date -u +%Y%m%dT%H%M%SZ)-$NODE_NAME.db
if [ "${1:-}" = copy ]; then
    name=${2##*/}
    copy "$2"
    exit 0
fi

[ -d "$DIRECTORY" ] || mkdir "$DIRECTORY"
rm -f "$DIRECTORY"/.*.part*
etcdctl --command-timeout=300s snapshot save "$DIRECTORY/.$name.part" >/dev/null ||
    die "no snapshot of this member; its service's messages say why: journalctl -u etcd"
etcdutl snapshot status "$DIRECTORY/.$name.part" >/dev/null || die "the snapshot is not whole; is the disk full?"
sum=$(sha256sum <"$DIRECTORY/.$name.part")
printf '%s  %s\n' "${sum%% *}" "$name" >"$DIRECTORY/$name.sha256"
mv "$DIRECTORY/.$name.part" "$DIRECTORY/$name"
keep_newest "$DIRECTORY"
printf 'saved %s/%s\n' "$DIRECTORY" "$name"

[ -n "$COPY_TO" ] || exit 0
timeout --kill-after=5 "$COPY_SECONDS" sh "$0" copy "$DIRECTORY/$name" || {
    code=$?
    printf 'etcd-snapshot: no copy in %s (%s; 124 is a time-out of %s s): is it there, mounted and not full? %s\n' \
        "$COPY_TO" "$code" "$COPY_SECONDS" "The snapshot itself is in $DIRECTORY" >&2
    exit "$NO_COPY"
}
printf 'copied to %s\n' "$COPY_TO"
EOF
file 0600 root:root /etc/systemd/system/etcd-snapshot.service <<'EOF'
[Unit]
Description=Snapshot of this host's etcd member
After=etcd.service network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
EnvironmentFile=/etc/kubewright/host.env
Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/lib/kubewright/netfilter:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=ETCDCTL_ENDPOINTS=https://127.0.0.1:2379
Environment=ETCDCTL_CACERT=/etc/etcd/pki/etcd-ca.crt
Environment=ETCDCTL_CERT=/etc/etcd/pki/operator.crt
Environment=ETCDCTL_KEY=/etc/etcd/pki/operator.key
Environment=DIRECTORY=/var/lib/etcd-snapshots
Environment=KEEP=12
Environment=COPY_TO=
ExecStart=/bin/sh /usr/local/lib/kubewright/etcd-snapshot
TimeoutStartSec=900
Restart=on-failure
RestartSec=60
RestartPreventExitStatus=75
Nice=10
IOSchedulingClass=idle
EOF
file 0600 root:root /etc/systemd/system/etcd-snapshot.timer <<'EOF'
[Unit]
Description=Snapshots of this host's etcd member

[Timer]
OnActiveSec=300s
OnUnitActiveSec=21600s
AccuracySec=10s
Unit=etcd-snapshot.service

[Install]
WantedBy=timers.target
EOF
secret 0644 etcd:etcd /etc/etcd/pki/etcd-ca.crt
secret 0644 etcd:etcd /etc/etcd/pki/server.crt
secret 0600 etcd:etcd /etc/etcd/pki/server.key
secret 0644 etcd:etcd /etc/etcd/pki/peer.crt
secret 0600 etcd:etcd /etc/etcd/pki/peer.key
secret 0644 root:root /etc/etcd/pki/operator.crt
secret 0600 root:root /etc/etcd/pki/operator.key
service systemd-sysctl.service 60 restart true \
  /etc/sysctl.d/90-kubewright.conf
service kubewright-firewall.service 60 reload true \
  /etc/kubewright/firewall.nft
service etcd.service 180 restart '{ [ -e /etc/etcd/forming ] && listens 2380; } || /usr/local/lib/kubewright/etcd-member ready' \
  /usr/local/lib/kubewright/bin/etcd \
  /etc/etcd/pki/etcd-ca.crt
service etcd-snapshot.timer 60 restart true
commit
KUBEWRIGHT
sh "$work/script" "$work" </dev/null
