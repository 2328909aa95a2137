# shellcheck shell=sh
# A part of the host program: fetching artifacts, checked and kept by digest.
# Joined to host.sh by nodeconfig.program.

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
        die "nothing here can download: install curl, wget or apt"
    fi
}

matches() { # FILE SHA256
    found=$(sum "$1")
    [ "${found%% *}" = "$2" ] || { say "sha256 is ${found%% *}, not $2" >&2 && return 1; }
}

fetch() { # STORED-NAME URL SHA256
    store=$STATE/artifacts/$3
    [ ! -e "$store/$1" ] || return 0
    for pause in 1 3 0; do
        rm -f "$store.part" "$store.part.FAILED"
        if download "$2" "$store.part" "$3" 2>"$store.error" </dev/null; then
            chmod 0755 "$store.part"
            mkdir -p "$store"
            chmod 0755 "$store"
            mv -f "$store.part" "$store/$1"
            rm -f "$store.error"
            return 0
        fi
        sleep "$pause"
    done
    reason=$(tail -n 1 "$store.error")
    rm -f "$store.part" "$store.part.FAILED" "$store.error"
    die "cannot fetch $2: $reason"
}

# fetch_all: two at a time, because checking one leaves the link idle.
fetch_all() {
    while read -r name url sha _ member; do
        [ -z "$member" ] || name=archive
        say "$name $url $sha"
    done <"$WORK/artifacts.changed" | sort -u >"$WORK/fetch"
    mkdir -p "$STATE/artifacts"
    chmod 0755 "$STATE" "$STATE/artifacts"
    fetch_lane 0 &
    lane=$!
    fetch_lane 1 || { wait "$lane" || :; exit 1; }
    wait "$lane" || exit 1
}

fetch_lane() { # 0|1: every second line
    number=0
    while read -r name url sha; do
        number=$((number + 1))
        [ $((number % 2)) -ne "$1" ] || fetch "$name" "$url" "$sha"
    done <"$WORK/fetch"
}
