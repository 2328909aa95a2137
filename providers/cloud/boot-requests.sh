# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# A part of the boot program, before boot.sh: runs requests of the deployer
# (docs/decisions/0022-operations-in-clouds.md).

# requests: looks for a request in the store every few seconds, and every second in the minute after a request. A
# request is a program: providers/cloud/answer.sh.
requests() {
    begin
    until identify 1; do sleep "$PAUSE"; done
    while :; do
        if own_get request "$RUN/request" 2>/dev/null; then
            # shellcheck disable=SC1091 # the program of the request
            (. "$RUN/request")
        fi
        [ "$PAUSE" -gt 0 ] || break
        if [ "$(date +%s)" -lt "$(cat "$RUN/awake" 2>/dev/null || echo 0)" ]; then sleep 1; else sleep "$PAUSE"; fi
    done
}
