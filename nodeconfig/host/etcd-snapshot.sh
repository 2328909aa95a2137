#!/bin/sh
# Takes a snapshot of this host's etcd member, keeps the newest snapshots, and copies the snapshot if configured.
# The unit etcd-snapshot.service sets NODE_NAME, ETCDCTL_* and:
#   DIRECTORY  the directory of snapshots, KEEP their number, COPY_TO a second directory or empty
#   COPY_PROGRAM  the program that copies a snapshot to targets outside the host, or empty
#   COPY_TO_CLOUD  yes: a machine of a cloud copies the snapshot to another region; or empty
#   RECORD_PROGRAM  the program that records the result of each copy (etcd-record.sh), or empty without copies
#   COPY_TARGETS    the names of the targets of copies with commas between them, or empty
# A file without `.part` is complete, and its sha256 is in a file beside it.
set -eu
umask 077
LC_ALL=C
export LC_ALL

COPY_SECONDS=${COPY_SECONDS:-300}
BOOT=${KUBEWRIGHT_ROOT:-}/usr/local/lib/kubewright-boot/boot # the boot program of a cloud
# The unit does not retry after this exit code: each attempt would add a snapshot.
NO_COPY=75

die() {
    printf 'etcd-snapshot: %s\n' "$*" >&2
    exit 1
}

# keep_newest DIRECTORY: names begin with the time, so their order is by age.
keep_newest() {
    set -- "$1"/etcd-*-"$NODE_NAME".db
    while [ $# -gt "$KEEP" ]; do
        rm -f "$1" "$1.sha256"
        shift
    done
}

# copy FILE: runs under a time limit, because a network file system without its server blocks forever.
copy() {
    rm -f "$COPY_TO"/.etcd-*-"$NODE_NAME".db.part # of copies that failed
    cp "$1" "$COPY_TO/.$name.part"
    [ "$(sha256sum <"$COPY_TO/.$name.part")" = "$(sha256sum <"$1")" ] || die "the copy in $COPY_TO differs"
    cp "$1.sha256" "$COPY_TO/$name.sha256"
    mv "$COPY_TO/.$name.part" "$COPY_TO/$name"
    keep_newest "$COPY_TO"
}

# copy_to_cloud FILE: the checksum comes last, so that a copy with a checksum is complete.
copy_to_cloud() {
    sh "$BOOT" call cloud_copy "$name" "$1" && sh "$BOOT" call cloud_copy "$name.sha256" "$1.sha256"
}

name=etcd-$(date -u +%Y%m%dT%H%M%SZ)-$NODE_NAME.db
case ${1:-} in copy | copy_to_cloud)
    name=${2##*/}
    "$1" "$2"
    exit
    ;;
esac

[ -d "$DIRECTORY" ] || mkdir "$DIRECTORY"
rm -f "$DIRECTORY"/.*.part*
etcdctl --command-timeout=300s snapshot save "$DIRECTORY/.$name.part" >/dev/null ||
    die "etcd did not deliver a snapshot; read the messages of its service: journalctl -u etcd"
etcdutl snapshot status "$DIRECTORY/.$name.part" >/dev/null || die "the snapshot is not complete; is the disk full?"
sum=$(sha256sum <"$DIRECTORY/.$name.part")
printf '%s  %s\n' "${sum%% *}" "$name" >"$DIRECTORY/$name.sha256"
mv "$DIRECTORY/.$name.part" "$DIRECTORY/$name"
keep_newest "$DIRECTORY"
printf 'saved %s/%s\n' "$DIRECTORY" "$name"

# Without the records of removed targets, a target that is added again has the age of its own copies.
for record in "$DIRECTORY"/targets/*; do
    case ,${COPY_TARGETS:-}, in *",${record##*/},"*) ;; *) rm -f "$record" ;; esac
done

# try_copy FUNCTION TARGET PLACE: a copy that fails does not stop the other copies.
failed=no
try_copy() {
    code=0 output=$DIRECTORY/.copy-output.part record=$DIRECTORY/targets/$2
    timeout --kill-after=5 "$COPY_SECONDS" sh "$0" "$1" "$DIRECTORY/$name" 2>"$output" || code=$?
    cat "$output" >&2
    reason=$(tail -n 1 "$output" | cut -c 1-500)
    rm -f "$output"
    case $code in
    0)
        sh "$RECORD_PROGRAM" "$record" copied "$name" "$(stat -c %s "$DIRECTORY/$name")" "${sum%% *}" || failed=yes
        printf 'copied to %s\n' "$3"
        return
        ;;
    124 | 137) reason="not complete after $COPY_SECONDS s" ;;
    *) reason=${reason#etcd-snapshot: } ;;
    esac
    reason=${reason:-exit code $code}
    sh "$RECORD_PROGRAM" "$record" failed "$reason" || :
    printf 'etcd-snapshot: no copy in %s: %s. The snapshot is in %s\n' "$3" "$reason" "$DIRECTORY" >&2
    failed=yes
}
[ -z "$COPY_TO" ] || try_copy copy copy_to "$COPY_TO"
[ -z "${COPY_TO_CLOUD:-}" ] || try_copy copy_to_cloud snapshot_copies 'another region'
[ -z "${COPY_PROGRAM:-}" ] || sh "$COPY_PROGRAM" "$DIRECTORY/$name" || failed=yes
[ "$failed" = no ] || exit "$NO_COPY"
