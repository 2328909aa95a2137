# shellcheck shell=sh disable=SC2034,SC2154
# A part of the boot program, before boot.sh: how a machine leaves, and how it is repaired.

# --- leaving ---------------------------------------------------------------------------------

leaving() {
    begin
    [ ! -e "$RUN/left" ] || return 0
    identify 1 || return 0
    if cloud_leaving; then
        say 'told to go by the cloud'
        systemctl stop kubewright-boot.service
        renewing >/dev/null 2>&1 &
        renewal=$!
        trap 'kill "$renewal" 2>/dev/null || :' EXIT
        hosted away "$DRAIN_SECONDS"
        cloud_left || fail 'drained, but the cloud does not take that in'
    elif for_good; then
        say 'told to leave the cluster for good'
        systemctl stop kubewright-boot.service
        for role in $(reversed); do
            if [ "$role" = etcd ] && [ -e "$STATE/leaving" ]; then
                # The deletion of the whole cluster. Members leave one after another: a member that stopped
                # etcd without leaving would take the quorum from the last one. If leaving fails, reset anyway.
                rm -f "$STATE/leaving"
                if (hosted reset etcd leave "$DRAIN_SECONDS"); then continue; fi
                : >"$STATE/leaving"
            fi
            hosted reset "$role" leave "$DRAIN_SECONDS"
        done
        printf '%s\n' "$DIGEST" >"$RUN/status"
        persist 10 own_put left "$RUN/status" || fail 'cannot say that it has left'
    else
        return 0
    fi
    : >"$RUN/left"
}

# renewing: renews the time that the cloud gives to this machine, until the time for the drain is over. A dead machine
# renews nothing, so that its cloud replaces it soon.
renewing() {
    command -v cloud_renew || return 0
    [ -s "$RUN/leaving" ] || date +%s >"$RUN/leaving"
    end=$(($(cat "$RUN/leaving") + DRAIN_SECONDS + 120))
    while [ "$(date +%s)" -lt "$end" ]; do
        cloud_renew || :
        sleep "${KUBEWRIGHT_PAUSE:-30}"
    done
}

reversed() {
    list=
    for role in $ROLES; do list="$role $list"; done
    printf '%s\n' "$list"
}

# hosted FUNCTION…: runs a function of the host program; does nothing before its delivery.
hosted() {
    [ -f "$STATE/host.sh" ] || return 0
    work=$(mktemp -d "$RUN/work.XXXXXX")
    cp "$STATE/host.sh" "$work/host.sh"
    # shellcheck disable=SC2016 # the inner shell's words
    sh -c '. "$1/host.sh"; shift; "$@"' kubewright "$work" "$@" || fail "$1: not done (the reason is above); tried again"
    rm -rf "$work"
}

# --- repair ----------------------------------------------------------------------------------

# grow: makes the file system as large as a data volume that has grown.
grow() {
    [ -n "$VOLUME" ] && mountpoint -q "$ROOT$DATA" || return 0
    device=$(findmnt -n -o SOURCE "$ROOT$DATA")
    sectors=$(cat "$ROOT/sys/class/block/${device##*/}/size")
    [ "$sectors" != "$(cat "$RUN/sectors" 2>/dev/null)" ] || return 0
    resize2fs "$device" >/dev/null 2>&1 || return 1
    printf '%s\n' "$sectors" >"$RUN/sectors"
}

# repair: lets the cloud's part repair or replace this machine when it has not been healthy for REPAIR_SECONDS; a member
# only while the others are healthy. A machine that was never healthy stays, so that the reason can be found.
repair() {
    begin
    grow || say "$VOLUME could not be made as large as its volume" >&2
    [ "${REPAIR_SECONDS:-0}" -gt 0 ] && command -v cloud_unhealthy >/dev/null || return 0
    [ -e "$STATE/was-healthy" ] && [ ! -e "$RUN/leaving" ] && [ ! -e "$RUN/left" ] || return 0
    if [ -e "$RUN/complete" ] && (hosted well); then
        rm -f "$RUN/unhealthy"
        return 0
    fi
    [ -s "$RUN/unhealthy" ] || date +%s >"$RUN/unhealthy"
    for_seconds=$(($(date +%s) - $(cat "$RUN/unhealthy")))
    [ "$for_seconds" -ge "$REPAIR_SECONDS" ] || return 0
    case $KIND in
    members/*) (hosted others_well) || fail 'not repaired while another member is not healthy (see above)' ;;
    esac
    identify 1 || return 0
    say "not healthy for $for_seconds s: this machine is repaired or replaced"
    cloud_unhealthy || fail 'the repair cannot be started (the reason is above)'
}
