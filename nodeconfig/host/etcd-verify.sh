#!/bin/sh
# Proves that the newest snapshot of this host's etcd member can be restored: restores it into a throwaway etcd, and
# compares the newest copy in each target with what this host sent.
# The unit etcd-verify.service sets NODE_NAME, DIRECTORY, RECORD_PROGRAM (etcd-record.sh, for $DIRECTORY/verified), and
# with targets COPY_PROGRAM and TARGETS as for snapshots.
set -eu
umask 077
LC_ALL=C
export LC_ALL

WORK=$DIRECTORY/verify
# Sockets in the directory of root: no other user can read the throwaway etcd. It has no certificates.
CLIENT=unix://localhost:1
PEER=unix://localhost:2

fail() {
    record failed "$*"
    printf 'etcd-verify: %s\n' "$*" >&2
    exit 1
}
record() { sh "$RECORD_PROGRAM" "$DIRECTORY/verified" "$@"; } # RESULT WORDS
finish() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
    wait
    rm -rf "$WORK"
}
throwaway() { etcdctl --endpoints="$CLIENT" --command-timeout=20s "$@"; }
number() { sed -n "s/^\"$1\" : //p"; }

newest=
for file in "$DIRECTORY"/etcd-*-"$NODE_NAME".db; do newest=$file; done
[ -f "$newest" ] || fail "there is no snapshot in $DIRECTORY yet"
name=${newest##*/}
rm -rf "$WORK"
mkdir "$WORK"
trap finish EXIT
trap 'exit 130' HUP INT TERM
# A link: the retention of snapshots can remove the file meanwhile.
ln "$newest" "$WORK/snapshot.db"
read -r expected _ <"$newest.sha256" || fail "$name has no checksum"
actual=$(sha256sum <"$WORK/snapshot.db")
[ "${actual%% *}" = "$expected" ] || fail "$name is damaged: its sha256 is not the recorded one; is the disk faulty?"
cd "$WORK"
etcdutl snapshot restore snapshot.db --data-dir=data --name=verify --initial-cluster="verify=$PEER" \
    --initial-advertise-peer-urls="$PEER" >output 2>&1 || fail "$name cannot be restored: $(tail -n 1 output)"
etcd --name=verify --data-dir=data --listen-client-urls="$CLIENT" --advertise-client-urls="$CLIENT" \
    --listen-peer-urls="$PEER" --initial-advertise-peer-urls="$PEER" --initial-cluster="verify=$PEER" \
    --quota-backend-bytes=8589934592 --log-level=error >output 2>&1 &
server=$!
deadline=$(($(date +%s) + ${START_SECONDS:-120}))
until throwaway endpoint health >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || fail "an etcd with the data of $name does not start: $(tail -n 1 output)"
    [ "$(date +%s)" -lt "$deadline" ] || fail "an etcd with the data of $name is not healthy"
    sleep 1
done
counted=$(throwaway get "" --from-key --count-only --write-out=fields) || fail "the data of $name cannot be read"
keys=$(printf '%s\n' "$counted" | number Count)
[ "${keys:-0}" -gt 0 ] || fail "$name has no keys"

failed=
if [ -n "${COPY_PROGRAM:-}" ]; then
    for file in "$TARGETS"/*.conf; do
        target=${file##*/} target=${target%.conf}
        timeout --kill-after=5 "${TARGET_SECONDS:-600}" sh "$COPY_PROGRAM" compare "$target" 2>output ||
            failed="$failed${failed:+; }target $target: $(tail -n 1 output)"
    done
fi
[ -z "$failed" ] || fail "$failed"
record verified "$name" "$keys" "$(printf '%s\n' "$counted" | number Revision)"
printf 'verified %s: %s keys\n' "$name" "$keys"
