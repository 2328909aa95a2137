# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# Azure's part of the boot program of etcd members, after boot.sh: copies of snapshots in another location.
# Variable: COPIES (URL of the container).

# cloud_copy NAME FILE: adds a snapshot, or its checksum, to the container for copies. The machine cannot replace a blob.
# It is the last call of its process.
cloud_copy() {
    STORE=${COPIES%/*}
    azure_blob "${COPIES##*/}" "$1" --header 'x-ms-blob-type: BlockBlob' --header 'If-None-Match: *' --upload-file "$2"
}
