# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# AWS's part of the boot program of etcd members, after boot.sh: copies of snapshots in another region.
# Variables: COPIES (URL of the bucket) and COPIES_REGION (its region, which signatures contain).

# cloud_copy NAME FILE: writes a snapshot, or its checksum, to the bucket for copies. It is the last call of its process.
cloud_copy() {
    STORE=$COPIES
    REGION=$COPIES_REGION
    cloud_put "$1" "$2"
}
