# shellcheck shell=sh disable=SC2154
# The program of a request, which a machine runs with the functions of its boot program. providers/cloud/requests.py
# adds the script after this text, and variables before it: id, expiry (Unix time after which no command waits for the
# request), seconds (time limit of the script), has_input (yes or no), output (file for the output) and script (number of
# the first line of the script).

respond() { # STATE FILE…: writes the response, which ends with the end of the files
    printf '%s %s\n' "$id" "$1" >"$RUN/response"
    shift
    [ $# -eq 0 ] || tail -c 65536 "$@" >>"$RUN/response"
    own_put response "$RUN/response"
}

input() {
    case $has_input in yes) own_get "input-$id" - ;; esac
}

# withdrawn: whether the command has ended without waiting for the response. It would remain in the store.
withdrawn() {
    persist 3 own_get request "$RUN/now" 2>/dev/null || return 0
    read -r first <"$RUN/now" || return 0
    [ "$first" != "id=$id" ]
}

answer() {
    [ "$id" != "$(cat "$STATE/request" 2>/dev/null)" ] || return 0
    mkdir -p "$STATE"
    rm -f "$STATE/output" # of a machine that restarted in the meantime
    printf '%s\n' "$id" >"$STATE/request"
    : >"$output"
    code=expired
    if [ "$(date +%s)" -le "$expiry" ]; then
        respond accepted || return 0
        say "request $id of the deployer"
        tail -n "+$script" "$RUN/request" >"$RUN/script"
        code=0
        input | (umask 022 && HOME=/root exec timeout -k 5 "$seconds" sh "$RUN/script") >"$output" 2>"$RUN/errors" || code=$?
    else
        date -u +'the clock of this machine says %FT%TZ' >"$RUN/errors"
    fi
    if withdrawn; then
        rm -f "$output"
        return 0
    fi
    [ ! -s "$output" ] || persist 10 own_put output "$output" || code=lost
    persist 10 respond "$code $(wc -c <"$output")" "$RUN/errors" || say "request $id: the answer could not be written" >&2
    rm -f "$output"
    # The next request of the same command follows soon.
    printf '%s\n' "$(($(date +%s) + 60))" >"$RUN/awake"
}

answer
return 0
