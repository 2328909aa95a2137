#!/bin/sh
# machine-tokens CLUSTER: registers the bootstrap tokens that new machines of a cloud's pools make, on every control
# plane (docs/decisions/0030-tokens-of-machines-in-pools.md). The boot program of the control plane asks the cloud which
# machines of the cluster are new (`cloud_new_machines`), and reads their tokens from the store (`cloud_token`).
#
# KUBEWRIGHT_ROOT is a prefix for every path, KUBEWRIGHT_PAUSE the seconds between two rounds (tests).
set -u
umask 077
LC_ALL=C
export LC_ALL

CLUSTER=$1
ROOT=${KUBEWRIGHT_ROOT:-}
PAUSE=${KUBEWRIGHT_PAUSE:-10}
BOOT=$ROOT/usr/local/lib/kubewright-boot/boot
KNOWN=$ROOT/run/kubewright-machine-tokens # a file for each machine, with the public part of its registered token
VALID_SECONDS=7200

say() { printf '%s\n' "$*"; }

admin_api() {
    "$ROOT/usr/local/lib/kubewright/bin/kubectl" --kubeconfig="$ROOT/etc/kubernetes/admin.conf" \
        --cache-dir="$KNOWN/cache" --request-timeout=10s --namespace=kube-system "$@"
}

# round: registers the tokens of new machines without a Node, and removes the tokens of machines that have joined.
round() {
    machines=$(sh "$BOOT" call cloud_new_machines "$CLUSTER" </dev/null) || return 1
    [ -n "$machines" ] || return 0
    nodes=" $(admin_api get nodes -o 'jsonpath={.items[*].metadata.name}') " || return 1
    for machine in $machines; do
        case $machine in *[!a-z0-9.-]*) continue ;; esac
        case $nodes in
        *" $machine "*) remove "$machine" ;;
        *) register "$machine" ;;
        esac
    done
}

remove() { # MACHINE
    [ -s "$KNOWN/$1" ] || return 0
    admin_api delete secret "bootstrap-token-$(cat "$KNOWN/$1")" --ignore-not-found >/dev/null && : >"$KNOWN/$1"
}

# register MACHINE: the machine chose the token, so an existing Secret is not changed: it may be the token of another
# node.
register() {
    # The machine also decides how long its object is.
    token=$(sh "$BOOT" call cloud_token "$1" 2>/dev/null </dev/null | head -c 99)
    if [ -z "$token" ]; then
        # Without s3:ListBucket, S3 gives the same answer for a missing object and for one that may not be read.
        [ -e "$KNOWN/$1" ] || say "$1: this new machine has written no bootstrap token yet, or it cannot be read"
        : >>"$KNOWN/$1"
        return 0
    fi
    id=${token%%.*}
    if ! is_token "$id" "${token#*.}"; then
        say "$1: the object of this machine is no bootstrap token"
        return 0
    fi
    [ "$id" != "$(cat "$KNOWN/$1" 2>/dev/null)" ] || return 0
    remove "$1" || return 0
    group=system:bootstrappers:kubewright:machine:$(printf '%s' "$1" | tr . :)
    if token_secret "$1" "$token" "$group" | admin_api create -f - >/dev/null 2>"$KNOWN/reason"; then
        say "$1: registered the bootstrap token of this new machine"
    elif ! is_registered "$id" "$group"; then
        say "$1: its bootstrap token cannot be registered: $(tail -n 1 "$KNOWN/reason")"
        return 0
    fi
    say "$id" >"$KNOWN/$1"
}

# is_token ID SECRET: patterns of the shell, because every process can read the arguments of other programs.
is_token() {
    case $1$2 in *[!a-z0-9]*) return 1 ;; esac
    case $1 in ??????) ;; *) return 1 ;; esac
    case $2 in ????????????????) ;; *) return 1 ;; esac
}

# is_registered ID GROUP: whether another control plane has registered the token of this machine.
is_registered() {
    owner=$(admin_api get secret "bootstrap-token-$1" -o 'jsonpath={.data.auth-extra-groups}' 2>/dev/null) || return 1
    [ "$(printf '%s' "$owner" | base64 -d)" = "$2" ]
}

token_secret() { # MACHINE TOKEN GROUP
    expiration=$(date -u -d "@$(($(date +%s) + VALID_SECONDS))" +%FT%TZ)
    cat <<EOF
{"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
 "metadata": {"name": "bootstrap-token-${2%%.*}", "namespace": "kube-system"},
 "stringData": {"description": "join of machine $1", "token-id": "${2%%.*}", "token-secret": "${2#*.}",
  "expiration": "$expiration", "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "false",
  "auth-extra-groups": "$3"}}
EOF
}

mkdir -p "$KNOWN"
while :; do
    round || say 'new machines of pools cannot join now (the reason is above); trying again'
    [ "$PAUSE" -gt 0 ] || break
    sleep "$PAUSE"
done
