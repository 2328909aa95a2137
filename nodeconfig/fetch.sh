# shellcheck shell=sh
# A part of the host program: fetching artifacts, checked and kept by digest.
# Joined to host.sh by nodeconfig.program.

download() { # URL TARGET
    ca=
    [ ! -f "$WORK/authority.pem" ] || ca=$WORK/authority.pem
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --connect-timeout 10 --speed-limit 1000 --speed-time 30 \
            ${ca:+--cacert "$ca"} --output "$2" "$1"
    elif command -v wget >/dev/null; then
        wget --quiet --timeout=30 --tries=1 ${ca:+--ca-certificate="$ca"} --output-document="$2" "$1"
    elif [ -x /usr/lib/apt/apt-helper ]; then
        # Its own user could not read the authority nor write the target.
        /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o Acquire::https::Timeout=30 \
            ${ca:+-o "Acquire::https::CaInfo=$ca"} download-file "$1" "$2" >/dev/null
    else
        die "nothing here can download: install curl, wget or apt"
    fi
}

fetch() { # STORED-NAME URL SHA256
    store=$STATE/artifacts/$3
    [ ! -e "$store/$1" ] || return 0
    for pause in 1 3 0; do
        rm -f "$store.part"
        if download "$2" "$store.part" 2>"$store.error" </dev/null; then
            found=$(sum "$store.part")
            if [ "${found%% *}" = "$3" ]; then
                chmod 0755 "$store.part"
                mkdir -p "$store"
                chmod 0755 "$store"
                mv -f "$store.part" "$store/$1"
                rm -f "$store.error"
                return 0
            fi
            say "sha256 is ${found%% *}, not $3" >"$store.error"
        fi
        sleep "$pause"
    done
    reason=$(tail -n 1 "$store.error")
    rm -f "$store.part" "$store.error"
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
