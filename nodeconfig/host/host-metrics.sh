#!/bin/sh
# Writes metrics that node exporter lacks, as a text that it serves: the end of certificates, the state of units, the
# age of snapshots of etcd, of their copies and trial restores, and the state of this Node.
# The unit host-metrics.service sets NODE_NAME and:
#   DIRECTORY     the directory of the text
#   CERTIFICATES  directories with certificates
#   SERVICES      the directory with a file for each unit of Kubewright
#   SNAPSHOTS     the directory of snapshots, or empty
#   COPY_TARGETS  the names of the targets of copies with commas between them, or empty; TRIAL_RESTORES yes, or empty
#   KUBECONFIG    the kubeconfig of the kubelet, or empty; POOL the pool of this Node, or empty
set -eu
umask 022
LC_ALL=C
export LC_ALL

# shellcheck disable=SC2153
text=$DIRECTORY/kubewright.prom
new=$DIRECTORY/.kubewright.prom.new

metric() { # NAME HELP
    printf '# HELP %s %s\n# TYPE %s gauge\n' "$1" "$2" "$1"
}

# end_of FILE: the Unix time at which the first certificate of a file ends; 0 if it cannot be read.
end_of() {
    end=$(sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p; /-END CERTIFICATE-/q' "$1" |
        cfssl-certinfo -cert - 2>/dev/null | sed -n 's/^ *"not_after": "\([^T"]*\)T\([^Z"]*\)Z".*/\1 \2/p')
    date -u -d "${end:-1970-01-01}" +%s 2>/dev/null || echo 0
}

certificates() {
    metric kubewright_certificate_end_timestamp_seconds "The end of the first certificate of a file."
    for directory in $CERTIFICATES; do
        for file in "$directory"/*.crt "$directory"/*-current.pem; do
            [ -f "$file" ] || continue
            label="kubewright_certificate_end_timestamp_seconds{path=\"$file\"}"
            line=
            # Only changed files are parsed again.
            [ ! -f "$text" ] || [ -n "$(find "$file" -newer "$text")" ] || line=$(grep -F "$label" "$text") || :
            printf '%s\n' "${line:-$label $(end_of "$file")}"
        done
    done
}

units() {
    metric kubewright_unit_active "Whether a unit of Kubewright is active."
    for file in "$SERVICES"/*; do
        [ -f "$file" ] || continue
        case ${file##*/} in
        *.new) continue ;;
        *.service | *.timer | *.socket) ;;
        *) continue ;;
        esac
        active=0
        ! systemctl is-active --quiet "${file##*/}" || active=1
        printf 'kubewright_unit_active{unit="%s"} %s\n' "${file##*/}" "$active"
    done
}

# snapshots: without a snapshot, the time is that of the directory, so that a new member has time to take its first.
snapshots() {
    [ -n "$SNAPSHOTS" ] && [ -d "$SNAPSHOTS" ] || return 0
    newest=$SNAPSHOTS
    # Names begin with the time, so their order is by age.
    for file in "$SNAPSHOTS"/etcd-*-"$NODE_NAME".db; do
        [ ! -f "$file" ] || newest=$file
    done
    metric kubewright_etcd_snapshot_timestamp_seconds "The time of the newest snapshot of the etcd member."
    printf 'kubewright_etcd_snapshot_timestamp_seconds %s\n' "$(stat -c %Y "$newest")"
}

# last_success FILE: the time in a record of copies or trial restores, or nothing.
# failed FILE: whether a failure followed.
last_success() { sed -n -E 's/^(copied|verified) ([0-9]+) .*/\2/p' "$1" 2>/dev/null || :; }
failed() { if grep -qs '^failed ' "$1"; then echo 1; else echo 0; fi; }

# copies: a target without a copy has no time.
copies() {
    [ -n "$COPY_TARGETS" ] || return 0
    targets=$(printf '%s\n' "$COPY_TARGETS" | tr , ' ')
    metric kubewright_etcd_snapshot_copy_timestamp_seconds "The time of the newest copy of a snapshot in a target."
    for target in $targets; do
        last=$(last_success "$SNAPSHOTS/targets/$target")
        [ -z "$last" ] ||
            printf 'kubewright_etcd_snapshot_copy_timestamp_seconds{target="%s"} %s\n' "$target" "$last"
    done
    metric kubewright_etcd_snapshot_copy_failed "Whether the newest snapshot could not be copied to a target."
    for target in $targets; do
        printf 'kubewright_etcd_snapshot_copy_failed{target="%s"} %s\n' "$target" \
            "$(failed "$SNAPSHOTS/targets/$target")"
    done
}

trial_restores() {
    [ -n "$TRIAL_RESTORES" ] || return 0
    last=$(last_success "$SNAPSHOTS/verified")
    metric kubewright_etcd_trial_restore_timestamp_seconds "The time of the last successful trial restore."
    [ -z "$last" ] || printf 'kubewright_etcd_trial_restore_timestamp_seconds %s\n' "$last"
    metric kubewright_etcd_trial_restore_failed "Whether the last trial restore failed."
    printf 'kubewright_etcd_trial_restore_failed %s\n' "$(failed "$SNAPSHOTS/verified")"
}

# node: while the API does not answer, the text has no state of the Node.
node() {
    [ -n "$KUBECONFIG" ] || return 0
    state=$(timeout 15 kubectl --kubeconfig="$KUBECONFIG" --cache-dir="$DIRECTORY/.kubectl" --request-timeout=10s \
        get node "$NODE_NAME" --ignore-not-found \
        -o 'jsonpath={.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.spec.unschedulable}' \
        2>/dev/null) || return 0
    [ -n "$state" ] || return 0
    ready=0 schedulable=1
    case $state in *' True '*) ready=1 ;; esac
    case $state in *' true') schedulable=0 ;; esac
    labels="node=\"$NODE_NAME\",pool=\"$POOL\""
    metric kubewright_node_ready "Whether the Node of this host is Ready."
    printf 'kubewright_node_ready{%s} %s\n' "$labels" "$ready"
    metric kubewright_node_schedulable "Whether new pods can run on the Node of this host."
    printf 'kubewright_node_schedulable{%s} %s\n' "$labels" "$schedulable"
}

mkdir -p "$DIRECTORY"
{
    certificates
    units
    snapshots
    copies
    trial_restores
    node
} >"$new"
mv -f "$new" "$text"
