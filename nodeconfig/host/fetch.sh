# shellcheck shell=sh
# A part of the host program: fetching artifacts, checked and kept by digest.
# Joined to host.sh by nodeconfig.host_program.

fetch() { # STORED-NAME URL SHA256
    store=$STATE/artifacts/$3
    [ ! -e "$store/$1" ] || return 0
    patiently "$2" "$store.part" "$3"
    chmod 0755 "$store.part"
    mkdir -p "$store"
    chmod 0755 "$store"
    mv -f "$store.part" "$store/$1"
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
