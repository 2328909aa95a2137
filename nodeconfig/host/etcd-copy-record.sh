#!/bin/sh
# Records the result of a copy of a snapshot, for `status` and for the metrics of the host.
#   etcd-copy-record TARGET copied NAME SIZE SHA256
#   etcd-copy-record TARGET failed REASON
# The unit etcd-snapshot.service sets DIRECTORY, the directory of snapshots.
# The file $DIRECTORY/targets/TARGET has the last copy and the failure since then:
#   copied SECONDS NAME SIZE SHA256
#   failed SECONDS REASON
set -eu
umask 077

target=$1 result=$2
shift 2
records=$DIRECTORY/targets
[ -d "$records" ] || mkdir "$records"
{
    [ "$result" = copied ] || grep '^copied ' "$records/$target" 2>/dev/null || :
    printf '%s %s %s\n' "$result" "$(date +%s)" "$*"
} >"$records/.$target.part"
mv "$records/.$target.part" "$records/$target"
