# shellcheck shell=sh
# The beginning of every script for a host, and of the host program: paths, messages, downloads. The payload
# contains it; it downloads the host program, which is many times as long and the same for all hosts.

set -eu
umask 077
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
WORK=$1
# kubectl keeps a cache in its user's home directory. In this directory the cache is removed with the run.
HOME=$WORK
export PATH LC_ALL HOME

ROOT=${KUBEWRIGHT_ROOT:-}
STATE=$ROOT/var/lib/kubewright
NODE_NAME=$(uname -n)

say() { printf '%s\n' "$*"; }

die() {
    printf 'kubewright: %s: %s\n' "$NODE_NAME" "$*" >&2
    exit 1
}

sum() { sha256sum <"$1"; }

authority() { cat >"$WORK/authority.pem"; } # the PEM that verifies downloads, on stdin

download() { # URL TARGET SHA256: fails unless the file has that digest; the reason is on stderr
    case $1 in
    store:*) # in the cluster's own store, which the boot program of the machine reads with its identity
        sh "$ROOT/usr/local/lib/kubewright-boot/boot" artifact "${1#store:}/$3" "$2" && has_digest "$2" "$3"
        return
        ;;
    esac
    ca=
    [ ! -f "$WORK/authority.pem" ] || ca=$WORK/authority.pem
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --connect-timeout 10 --speed-limit 1000 --speed-time 30 \
            ${ca:+--cacert "$ca"} --output "$2" "$1" && has_digest "$2" "$3"
    elif command -v wget >/dev/null; then
        wget --quiet --timeout=30 --tries=1 ${ca:+--ca-certificate="$ca"} --output-document="$2" "$1" &&
            has_digest "$2" "$3"
    elif [ -x /usr/lib/apt/apt-helper ]; then
        # Its sandbox user could neither read the authority nor write the target. With the digest it checks
        # while it reads; without, it would compute four digests, and sha256sum a fifth.
        /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o Acquire::https::Timeout=30 \
            ${ca:+-o "Acquire::https::CaInfo=$ca"} download-file "$1" "$2" "SHA256:$3" >/dev/null && return 0
        [ -f "$2.FAILED" ] && mv -f "$2.FAILED" "$2" && has_digest "$2" "$3"
    else
        say "this host has no program that downloads: install curl, wget or apt" >&2
        return 1
    fi
}

has_digest() { # FILE SHA256
    actual=$(sum "$1")
    [ "${actual%% *}" = "$2" ] || { say "sha256 is ${actual%% *}, not $2" >&2 && return 1; }
}

retry_download() { # URL TARGET SHA256: `download`, at most three times; the message has the last reason
    for pause in 1 3 0; do
        rm -f "$2" "$2.FAILED"
        download "$1" "$2" "$3" 2>"$2.error" </dev/null && rm -f "$2.error" && return 0
        sleep "$pause"
    done
    reason=$(tail -n 1 "$2.error")
    rm -f "$2" "$2.FAILED" "$2.error"
    die "cannot fetch $1: $reason"
}

program() { # URL SHA256: gets the host program, from this host if it has that digest
    if cp "$STATE/host.sh" "$WORK/host.sh" 2>/dev/null && has_digest "$WORK/host.sh" "$2" 2>/dev/null; then
        return 0
    fi
    retry_download "$1" "$WORK/host.sh" "$2"
}
