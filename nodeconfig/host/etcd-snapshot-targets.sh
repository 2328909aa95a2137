#!/bin/sh
# Encrypts a snapshot of this host's etcd member, and copies it to each target outside the host.
#   etcd-snapshot-targets FILE               copies a snapshot to all targets
#   etcd-snapshot-targets copy TARGET FILE   copies an encrypted snapshot to a target
#   etcd-snapshot-targets compare TARGET     compares the last copy in a target with what was sent
# The unit etcd-snapshot.service sets NODE_NAME and:
#   DIRECTORY   the directory of snapshots
#   TARGETS     a directory with files of each target: TARGET.conf, TARGET.env (credentials), TARGET.crt (CA)
#   RECIPIENTS  a file with the public keys of age that can decrypt the copies
#   RECORD_PROGRAM  the program that records results in $DIRECTORY/targets (etcd-record.sh)
set -eu
umask 077
LC_ALL=C
export LC_ALL

TARGET_SECONDS=${TARGET_SECONDS:-600}
# A snapshot that began before an upgrade has no variable.
RECORD_PROGRAM=${RECORD_PROGRAM:-${0%/*}/etcd-record}
RECORDS=$DIRECTORY/targets

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# storage COMMAND…: runs rclone with the settings of a target in its environment. It prints one line about a failure,
# without the signature of a URL.
storage() {
    rclone --config=/dev/null --retries=2 --low-level-retries=3 --contimeout=15s --timeout=120s "$@" 2>"$errors" ||
        die "$(last_error)"
}
last_error() {
    sed -n -e 's/^[0-9/]* [0-9:]* [A-Z]* *: *//' -e 's/\(sig=\)[^&" ]*/\1…/g' -e '/./h' -e '$ { g; p; }' "$errors" |
        cut -c 1-500
}

# load TARGET: sets the environment of rclone.
load() {
    errors=$DIRECTORY/.errors-$1.part
    set -a
    # shellcheck disable=SC1090
    . "$TARGETS/$1.conf"
    # shellcheck disable=SC1090
    [ ! -f "$TARGETS/$1.env" ] || . "$TARGETS/$1.env"
    set +a
}

# copy TARGET FILE
copy() {
    name=${2##*/.} name=${name%.part}
    load "$1"
    if [ -n "${MOUNT:-}" ]; then
        [ -d "$MOUNT" ] || die "$MOUNT does not exist; create it and mount the file system"
        [ "$(stat -c %d "$MOUNT")" != "$(stat -c %d "$DIRECTORY")" ] ||
            die "$MOUNT is on the same file system as $DIRECTORY; mount the file system of the copies"
    fi
    storage copyto "$2" "$REMOTE/$name"
    size=$(storage lsf --format=s "$REMOTE/$name")
    [ "$size" = "$(stat -c %s "$2")" ] || die "the copy has $size bytes, not $(stat -c %s "$2")"
    keep_newest
}

# compare TARGET: verifies that the last copy in a target is what this host sent.
compare() {
    load "$1"
    trap 'rm -f "$errors"' EXIT
    line=$(grep '^copied ' "$RECORDS/$1" 2>/dev/null) || die "has no copy yet"
    # shellcheck disable=SC2086  # words of a record
    set -- $line
    sum=$( (storage cat "$REMOTE/$3") 2>/dev/null | sha256sum)
    [ ! -s "$errors" ] || die "$(last_error)"
    [ "${sum%% *}" = "$5" ] || die "the copy $3 is not what this host sent"
}

# keep_newest: removes older copies of this member. Names begin with the time, so their order is by age.
keep_newest() {
    names=$(storage lsf --files-only "$REMOTE")
    # shellcheck disable=SC2046  # the names have no spaces
    set -- $(printf '%s\n' "$names" | grep -x "etcd-[0-9]*T[0-9]*Z-$NODE_NAME\.db\.age" | sort)
    while [ $# -gt "$KEEP" ]; do
        storage deletefile "$REMOTE/$1"
        shift
    done
}

record_failure() { # TARGET REASON
    sh "$RECORD_PROGRAM" "$RECORDS/$1" failed "$2" || :
    printf 'etcd-snapshot: no copy in target %s: %s. The snapshot is in %s\n' "$1" "$2" "$DIRECTORY" >&2
}

case $1 in
copy)
    copy "$2" "$3"
    exit 0
    ;;
compare)
    compare "$2"
    exit 0
    ;;
esac

snapshot=$1 object=${1##*/}.age
encrypted=$DIRECTORY/.$object.part output=$DIRECTORY/.output.part
trap 'rm -f "$DIRECTORY"/.*.part' EXIT
failed=no
sum=none
age --encrypt --recipients-file="$RECIPIENTS" --output="$encrypted" "$snapshot" 2>"$output" && sum=$(sha256sum <"$encrypted")
for file in "$TARGETS"/*.conf; do
    target=${file##*/} target=${target%.conf}
    if [ "$sum" = none ]; then
        record_failure "$target" "the snapshot cannot be encrypted: $(head -n 1 "$output")"
        failed=yes
        continue
    fi
    code=0
    timeout --kill-after=5 "$TARGET_SECONDS" sh "$0" copy "$target" "$encrypted" 2>"$output" || code=$?
    case $code in
    0)
        sh "$RECORD_PROGRAM" "$RECORDS/$target" copied "$object" "$(stat -c %s "$encrypted")" "${sum%% *}" || failed=yes
        printf 'copied to target %s\n' "$target"
        continue
        ;;
    124 | 137) record_failure "$target" "not complete after $TARGET_SECONDS s" ;;
    *) record_failure "$target" "$(tail -n 1 "$output")" ;;
    esac
    failed=yes
done
[ "$failed" = no ]
