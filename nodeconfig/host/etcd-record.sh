#!/bin/sh
# Records the result of a copy or of a trial restore of a snapshot, for `status` and for the metrics of the host.
#   etcd-record FILE copied NAME SIZE SHA256
#   etcd-record FILE verified NAME KEYS REVISION
#   etcd-record FILE failed REASON
# The file has the last success and the failure since then, with the time of each in the second word:
#   copied SECONDS NAME SIZE SHA256
#   failed SECONDS REASON
set -eu
umask 077

file=$1 result=$2
shift 2
directory=${file%/*}
# A snapshot removes files with the suffix .part.
new=$directory/.${file##*/}.new
[ -d "$directory" ] || mkdir "$directory"
{
    [ "$result" != failed ] || grep -v '^failed ' "$file" 2>/dev/null || :
    printf '%s %s %s\n' "$result" "$(date +%s)" "$*"
} >"$new"
mv "$new" "$file"
