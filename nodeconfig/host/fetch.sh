# shellcheck shell=sh
# Part of the host program: downloads of artifacts, verified and stored by digest.
# nodeconfig.host_program joins it to host.sh.

fetch() { # STORED-NAME URL SHA256
    store=$STATE/artifacts/$3
    [ ! -e "$store/$1" ] || return 0
    retry_download "$2" "$store.part" "$3"
    chmod 0755 "$store.part"
    mkdir -p "$store"
    chmod 0755 "$store"
    mv -f "$store.part" "$store/$1"
}

# fetch_all: two downloads at a time, because the link is idle while a file is verified.
fetch_all() {
    while read -r name url sha _ member; do
        [ -z "$member" ] || name=archive
        say "$name $url $sha"
    done <"$WORK/artifacts.changed" | sort -u >"$WORK/fetch"
    mkdir -p "$STATE/artifacts"
    chmod 0755 "$STATE" "$STATE/artifacts"
    fetch_half 0 &
    first_half=$!
    fetch_half 1 || { wait "$first_half" || :; exit 1; }
    wait "$first_half" || exit 1
}

fetch_half() { # 0|1: every second line
    number=0
    while read -r name url sha; do
        number=$((number + 1))
        [ $((number % 2)) -ne "$1" ] || fetch "$name" "$url" "$sha"
    done <"$WORK/fetch"
}

# discard_damaged: deletes a stored artifact with other content than its digest, so that the next delivery stores it
# again. A process that runs the program keeps its file.
discard_damaged() { # NAME SHA256 MEMBER
    target=$(stored "$1" "$2" "$3")
    whole=$target
    [ -z "$3" ] || whole=$STATE/artifacts/$2/archive
    if ! has_digest "$whole" "$2" 2>/dev/null; then
        rm -rf "${STATE:?}/artifacts/$2"
    elif [ ! -x "$target" ] || ! has_content_of "$whole" "$target" "$3"; then
        rm -rf "$target"
    else
        return 0
    fi
    say "$1 is damaged on this host: it is installed again"
}

# discard_damaged_artifacts: does this for each artifact of the bundle that this host has stored.
discard_damaged_artifacts() {
    while read -r name _ sha _ member; do
        [ ! -e "$STATE/artifacts/$sha" ] || discard_damaged "$name" "$sha" "$member"
    done <"$WORK/artifacts"
}
