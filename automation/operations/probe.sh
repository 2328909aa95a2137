# shellcheck shell=sh
# Facts that a host reports about itself, for `status` and `diagnose`. Changes nothing; needs coreutils and
# systemd. Every section begins with a line `@name argument`.
LC_ALL=C
export LC_ALL
BIN=/usr/local/lib/kubewright/bin
STATE=/var/lib/kubewright

printf '@time %s\n' "$(date +%s.%N)"
printf '@name %s\n' "$(uname -n)"

for role in "$STATE"/roles/*; do
    [ -d "$role" ] || continue
    state=unfinished
    [ ! -f "$role/digest" ] || state=finished
    printf '@role %s %s\n' "${role##*/}" "$state"
done

service() { # UNIT
    printf '@service %s\n' "$1"
    systemctl show --property=ActiveState,SubState,Result,NRestarts,ExecMainStatus,ActiveEnterTimestampMonotonic "$1"
    # Its last messages, which have the reason.
    systemctl is-active --quiet "$1" || timeout 5 journalctl --unit="$1" --lines=3 --no-pager --output=cat --quiet
}
cat "$STATE"/roles/*/units 2>/dev/null | sort -u | while read -r unit; do
    service "$unit" 2>&1
    case $unit in *.timer) service "${unit%.timer}.service" 2>&1 ;; esac
done

printf '@disk\n'
for directory in / /var/lib/etcd /var/lib/containerd /var/lib/kubelet "$STATE"; do
    [ ! -d "$directory" ] || timeout 5 df --output=target,pcent,ipcent,avail -B1 "$directory" | tail -n 1
done | sort -u
printf '@memory\n'
while read -r key value _; do
    case $key in MemTotal: | MemAvailable:) printf '%s %s\n' "$key" "$value" ;; esac
done </proc/meminfo

if [ -d /var/lib/etcd ] && [ -f /etc/etcd/pki/operator.crt ]; then
    etcdctl() {
        timeout 8 "$BIN/etcdctl" --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/pki/etcd-ca.crt \
            --cert=/etc/etcd/pki/operator.crt --key=/etc/etcd/pki/operator.key --command-timeout=4s "$@"
    }
    etcd_metrics() { # on loopback, without TLS; hosts of members alone have no kubectl
        url=http://127.0.0.1:2381
        if [ -x "$BIN/kubectl" ]; then
            KUBECONFIG=/dev/null timeout 5 "$BIN/kubectl" --server="$url" get --raw /metrics
        elif command -v curl >/dev/null; then
            curl --silent --max-time 5 "$url/metrics"
        else
            wget --quiet --timeout=5 --tries=1 --output-document=- "$url/metrics"
        fi
    }
    printf '@etcd-status\n'
    etcdctl endpoint status --write-out=json 2>/dev/null
    printf '\n@etcd-health\n'
    etcdctl endpoint health --write-out=json 2>/dev/null
    printf '\n@etcd-members\n'
    etcdctl member list --write-out=json 2>/dev/null
    printf '\n@etcd-fsync\n'
    etcd_metrics 2>/dev/null | while read -r line; do
        case $line in etcd_disk_wal_fsync_duration_seconds_bucket*) printf '%s\n' "$line" ;; esac
    done
    printf '@snapshots\n'
    ls -1 /var/lib/etcd-snapshots 2>/dev/null
    printf '@snapshot-copies\n'
    for file in /var/lib/etcd-snapshots/targets/*; do
        [ ! -f "$file" ] || while read -r line; do printf '%s %s\n' "${file##*/}" "$line"; done <"$file"
    done
    printf '@snapshot-verified\n'
    cat /var/lib/etcd-snapshots/verified 2>/dev/null
fi

if [ -f /etc/kubernetes/admin.conf ]; then
    printf '@api\n'
    timeout 8 "$BIN/kubectl" --kubeconfig=/etc/kubernetes/admin.conf --server=https://127.0.0.1:6443 \
        --request-timeout=5s get --raw /readyz 2>&1
    printf '\n'
fi

# Prints only certificates: a file of the kubelet also contains its key.
certificates() {
    inside=no
    while IFS= read -r line; do
        case $line in *'BEGIN CERTIFICATE'*) inside=yes ;; esac
        [ "$inside" = no ] || printf '%s\n' "$line"
        case $line in *'END CERTIFICATE'*) inside=no ;; esac
    done <"$1"
}
for file in /etc/kubernetes/pki/*.crt /etc/etcd/pki/*.crt /var/lib/kubelet/pki/*-current.pem; do
    [ -f "$file" ] || continue
    printf '@certificate %s\n' "$file"
    certificates "$file"
done
printf '@end\n'
