# shellcheck shell=sh
# What every script for a host begins with, and the host program too: where things are, how a host
# says what is wrong, how it downloads. It comes with the payload; the host program, which is many times
# as long and the same for all hosts, is downloaded by it.

set -eu
umask 077
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
WORK=$1
# kubectl keeps a cache below its user's home: here it goes with the run.
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

download() { # URL TARGET SHA256: that file and no other; what is wrong is said on stderr
    ca=
    [ ! -f "$WORK/authority.pem" ] || ca=$WORK/authority.pem
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --connect-timeout 10 --speed-limit 1000 --speed-time 30 \
            ${ca:+--cacert "$ca"} --output "$2" "$1" && matches "$2" "$3"
    elif command -v wget >/dev/null; then
        wget --quiet --timeout=30 --tries=1 ${ca:+--ca-certificate="$ca"} --output-document="$2" "$1" &&
            matches "$2" "$3"
    elif [ -x /usr/lib/apt/apt-helper ]; then
        # Its own user could not read the authority nor write the target. Told the digest it checks that
        # while it reads; not told, it would compute four of them, and sha256sum a fifth.
        /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o Acquire::https::Timeout=30 \
            ${ca:+-o "Acquire::https::CaInfo=$ca"} download-file "$1" "$2" "SHA256:$3" >/dev/null && return 0
        [ -f "$2.FAILED" ] && mv -f "$2.FAILED" "$2" && matches "$2" "$3"
    else
        say "nothing here can download: install curl, wget or apt" >&2
        return 1
    fi
}

matches() { # FILE SHA256
    found=$(sum "$1")
    [ "${found%% *}" = "$2" ] || { say "sha256 is ${found%% *}, not $2" >&2 && return 1; }
}

patiently() { # URL TARGET SHA256: `download`, three times at most; the last reason is said
    for pause in 1 3 0; do
        rm -f "$2" "$2.FAILED"
        download "$1" "$2" "$3" 2>"$2.error" </dev/null && rm -f "$2.error" && return 0
        sleep "$pause"
    done
    reason=$(tail -n 1 "$2.error")
    rm -f "$2" "$2.FAILED" "$2.error"
    die "cannot fetch $1: $reason"
}

program() { # URL SHA256: the host program, from this host where it has it
    if cp "$STATE/host.sh" "$WORK/host.sh" 2>/dev/null && matches "$WORK/host.sh" "$2" 2>/dev/null; then
        return 0
    fi
    patiently "$1" "$WORK/host.sh" "$2"
}
