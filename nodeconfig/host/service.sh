# shellcheck shell=sh
# A part of the host program: services, their health, what is no longer wanted, `commit`.
# Joined to host.sh by nodeconfig.host_program.

# --- services --------------------------------------------------------------------------------

# plan_services: which units to restart and which to reload. What a service was last started with
# is recorded in $STATE/services/<unit>: its unit file's fingerprint, and that of what it watches.
plan_services() {
    : >"$WORK/restart"
    : >"$WORK/reload"
    while read -r unit _ how watched; do
        # shellcheck disable=SC2086
        now="$(fingerprint "/etc/systemd/system/$unit") $(fingerprint $watched)"
        say "$now" >"$WORK/started.$unit"
        before=$(cat "$STATE/services/$unit" 2>/dev/null) || before=
        if [ "$now" = "$before" ] && systemctl is-active --quiet "$unit"; then
            continue
        elif [ "$how" = reload ] && [ "${now%% *}" = "${before%% *}" ] && systemctl is-active --quiet "$unit"; then
            say "$unit" >>"$WORK/reload"
        else
            say "$unit" >>"$WORK/restart"
        fi
    done <"$WORK/services"
}

# apply_services: all at once, systemd knows their order. Whether they run is decided afterwards
# by health: some (flannel) fail until others have done their part.
apply_services() {
    set --
    while read -r unit; do
        [ ! -f "$ROOT/etc/systemd/system/$unit" ] || set -- "$@" "$unit"
    done <"$WORK/restart"
    [ $# -eq 0 ] || systemctl enable --quiet --no-reload "$@"
    # A reload that fails leaves a service active with what it had before: health would not show it.
    while read -r unit; do
        timeout 180 systemctl reload "$unit" 2>"$WORK/reason" </dev/null || explain "$unit" 'cannot be reloaded'
    done <"$WORK/reload"
    set --
    while read -r unit; do set -- "$@" "$unit"; done <"$WORK/restart"
    [ $# -eq 0 ] || timeout 180 systemctl restart "$@" 2>/dev/null || :
    mkdir -p "$STATE/services"
    for verb in reload restart; do
        while read -r unit; do cp "$WORK/started.$unit" "$STATE/services/$unit"; done <"$WORK/$verb"
    done
}

healthy() { # UNIT
    systemctl is-active --quiet "$1" || return 1
    ready=$(cat "$WORK/ready.$1")
    (eval "$ready") >/dev/null 2>"$WORK/reason" </dev/null
}

wait_services() {
    while read -r unit timeout _; do
        deadline=$(($(date +%s) + timeout))
        until healthy "$unit"; do
            # A unit that restarts for ever is never `failed`; one that is will not come up by waiting.
            if [ "$(date +%s)" -ge "$deadline" ] || systemctl is-failed --quiet "$unit"; then
                explain "$unit" "is not healthy after $((timeout + $(date +%s) - deadline)) s"
            fi
            sleep 0.3
        done
    done <"$WORK/services"
}

explain() { # UNIT WHAT
    reason=$(tail -n 1 "$WORK/reason" 2>/dev/null) || reason=
    state=$(systemctl is-active "$1") || :
    journalctl --unit="$1" --lines=20 --no-pager --output=cat >&2 || :
    die "$1 ($state) $2${reason:+: $reason}; its last messages are above"
}

listens() { # PORT: whether this host listens there for TCP connections
    port=$(printf '%04X' "$1")
    for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$table" ] || continue
        while read -r _ address _ state _; do
            [ "${address##*:}" = "$port" ] && [ "$state" = 0A ] && return 0
        done <"$table"
    done
    return 1
}

# --- what is no longer wanted ----------------------------------------------------------------

# unused LIST FILE: those lines of FILE that no role's record (other than this one's) has in LIST.
unused() {
    for other in "$STATE"/roles/*; do
        [ "$other" = "$RECORD" ] || [ ! -f "$other/$1" ] || cat "$other/$1"
    done | sort -u >"$WORK/others"
    sort -u "$2" | comm -23 - "$WORK/others"
}

stop_units() { # FILE of units
    while read -r unit; do
        # Only our own: a unit of the system that we merely restarted stays.
        [ -f "$ROOT/etc/systemd/system/$unit" ] || continue
        timeout 180 systemctl disable --quiet --now "$unit" 2>/dev/null || :
        rm -f "$STATE/services/$unit"
    done <"$1"
}

remove_paths() { # FILE of paths
    sort -r "$1" | while read -r path; do
        target=$ROOT$path
        if [ -d "$target" ] && [ ! -L "$target" ]; then
            [ "${WIPE:-}" != yes ] || empty_directory "$target"
            rmdir "$target" 2>/dev/null || : # a mount point, or somebody else's files in it
        else
            rm -f "$target"
        fi
    done
}

empty_directory() {
    for entry in "$1"/* "$1"/.[!.]*; do
        rm -rf --one-file-system "$entry"
    done
}

remove_stale() {
    comm -13 "$WORK/units" "$RECORD/units" >"$WORK/units.old"
    unused units "$WORK/units.old" >"$WORK/units.stale"
    stop_units "$WORK/units.stale"
    unused paths "$WORK/paths.stale" >"$WORK/paths.remove"
    remove_paths "$WORK/paths.remove"
}

prune_artifacts() {
    cat "$STATE"/roles/*/digests 2>/dev/null | sort -u >"$WORK/used"
    for store in "$STATE"/artifacts/*; do
        case $store in *.part | *.error) rm -f "$store" ;; esac
        [ -d "$store" ] || continue
        used=no
        while read -r sha; do [ "$sha" != "${store##*/}" ] || used=yes; done <"$WORK/used"
        [ "$used" = yes ] || rm -rf "$store"
    done
}

# --- all together ----------------------------------------------------------------------------

commit() {
    check_stages
    compare
    guard
    fetch_all
    if [ -n "$DRAIN_ON" ] && [ -f "$RECORD/digest" ]; then
        for path in $DRAIN_ON; do
            changed "$path" && { drain_node "$DRAIN_SECONDS" "$path changes"; break; }
        done
    fi
    # Before the first file, so that what was begun is not forgotten when it is interrupted.
    cp "$WORK/versions" "$RECORD/versions"
    install_all
    load_modules
    swap_off
    set_hostname
    remove_stale
    [ -z "$(cat "$WORK/files.changed" "$WORK/units.stale")" ] || systemctl daemon-reload
    forget_stale_node
    plan_services
    apply_services
    wait_services
    uncordon_node
    record
}

record() {
    for list in paths units digests; do sort -u "$WORK/$list" -o "$RECORD/$list"; done
    prune_artifacts
    cat "$WORK/files.changed" "$WORK/artifacts.changed" "$WORK/paths.remove" "$WORK/restart" "$WORK/reload" \
        >"$WORK/done"
    sort -k 3 "$WORK/files" | while read -r mode owner path source; do
        say "$mode $owner $path $(sum "$source")"
    done | cat - "$WORK/artifacts" "$WORK/services" | sha256sum >"$WORK/digest"
    cp "$WORK/trust" "$RECORD/trust"
    mv -f "$WORK/digest" "$RECORD/digest"
    if [ -s "$WORK/done" ]; then
        while read -r _ _ path _; do say "installed $path"; done <"$WORK/files.changed"
        while read -r _ _ _ path _; do say "installed $path"; done <"$WORK/artifacts.changed"
        while read -r path; do say "removed $path"; done <"$WORK/paths.remove"
        while read -r unit; do say "restarted $unit"; done <"$WORK/restart"
        while read -r unit; do say "reloaded $unit"; done <"$WORK/reload"
    else
        say "$ROLE unchanged"
    fi
}
