# shellcheck shell=sh
# Part of the host program: services and their health, removal of what a bundle no longer has, `commit`.
# nodeconfig.host_program joins it to host.sh.

# --- what a restart depends on ---------------------------------------------------------------

# fingerprint PATH…: one line that changes with the effective content of any of these files.
fingerprint() { hash_paths effective_lines "$@"; }

hash_paths() { # READER PATH…
    reader=$1
    shift
    for path in "$@"; do
        if [ -L "$ROOT$path" ]; then
            say "$path $(readlink "$ROOT$path")"
        elif [ -f "$ROOT$path" ]; then
            say "$path $("$reader" "$ROOT$path" "$path" | sha256sum)"
        else
            say "$path absent"
        fi
    done | sha256sum
}

# effective_lines FILE PATH: the content without lines that need no restart. systemd applies the section [Unit]
# (description, dependencies, order) when it reloads its configuration; comments of sh programs do nothing.
effective_lines() {
    case $2 in
    /etc/systemd/system/*)
        section=
        while IFS= read -r line; do
            case $line in '['*) section=$line ;; esac
            [ "$section" = '[Unit]' ] || say "$line"
        done <"$1"
        ;;
    *)
        IFS= read -r line <"$1" || :
        case $line in '#!'*) without_comments "$1" ;; *) cat "$1" ;; esac
        ;;
    esac
}

without_comments() { # FILE
    while read -r line; do
        case $line in '#'*) continue ;; *' # '*) line=${line%% # *} ;; esac
        say "$line"
    done <"$1"
}

whole_file() { cat "$1"; } # FILE PATH

has_same_effect() { # PATH SOURCE
    [ -f "$ROOT$1" ] && [ "$(effective_lines "$2" "$1")" = "$(effective_lines "$ROOT$1" "$1")" ]
}

# convert_records: earlier releases recorded fingerprints of whole files. A record that matches the files on the
# host is written again in today's form, before the first file changes. Then a release that changes comments,
# descriptions or dependencies restarts nothing.
convert_records() {
    while read -r unit _ _ watched; do
        old=$STATE/services/$unit
        [ -f "$old" ] || continue
        # shellcheck disable=SC2086
        current="$(hash_paths whole_file "/etc/systemd/system/$unit") $(hash_paths whole_file $watched)"
        [ "$(cat "$old")" = "$current" ] || continue
        service_state "$unit" "$watched" >"$WORK/converted"
        cp "$WORK/converted" "$old.new"
        mv -f "$old.new" "$old"
    done <"$WORK/services"
}

service_state() { # UNIT "PATH…": what the service runs with: fingerprints of its unit and of the files it watches
    # shellcheck disable=SC2086
    say "$(fingerprint "/etc/systemd/system/$1") $(fingerprint $2)"
}

# --- services --------------------------------------------------------------------------------

# plan_services: lists units to restart and to reload. $STATE/services/<unit> records the state of a service
# when it was last started.
plan_services() {
    : >"$WORK/restart"
    : >"$WORK/reload"
    while read -r unit _ how watched; do
        now=$(service_state "$unit" "$watched")
        say "$now" >"$WORK/started.$unit"
        before=$(cat "$STATE/services/$unit" 2>/dev/null) || before=
        if [ "$now" = "$before" ] && systemctl is-active --quiet "$unit"; then
            case $unit in kubewright-firewall.service) ! packet_filter_differs || say "$unit" >>"$WORK/reload" ;; esac
        elif [ "$how" = reload ] && [ "${now%% *}" = "${before%% *}" ] && systemctl is-active --quiet "$unit"; then
            say "$unit" >>"$WORK/reload"
        else
            say "$unit" >>"$WORK/restart"
        fi
    done <"$WORK/services"
}

# apply_services: restarts all units in one command, because systemd knows their order. Only their health decides
# afterwards whether they run: some (flannel) fail until others have started.
apply_services() {
    set --
    while read -r unit; do
        [ ! -f "$ROOT/etc/systemd/system/$unit" ] || set -- "$@" "$unit"
    done <"$WORK/restart"
    [ $# -eq 0 ] || systemctl enable --quiet --no-reload "$@"
    # After a failed reload a service stays active with its old configuration: health would not show the failure.
    while read -r unit; do
        timeout 180 systemctl reload "$unit" 2>"$WORK/reason" </dev/null || fail_service "$unit" 'cannot be reloaded'
    done <"$WORK/reload"
    set --
    while read -r unit; do
        [ ! -f "$WORK/restart_after.$unit" ] || continue
        # systemctl requests one unit after another: an etcd that stops first would keep the API server from ending.
        other=$(cat "$WORK/required_by.$unit" 2>/dev/null) && systemctl is-active --quiet "$other" && set -- "$@" "$other"
        set -- "$@" "$unit"
    done <"$WORK/restart"
    [ $# -eq 0 ] || timeout 180 systemctl restart "$@" 2>/dev/null || :
    restart_successors
    mkdir -p "$STATE/services"
    for verb in reload restart; do
        while read -r unit; do cp "$WORK/started.$unit" "$STATE/services/$unit"; done <"$WORK/$verb"
    done
}

# restart_successors: restarts the units that restart after another one, when that one is healthy. It waits at most
# 30 s. After that a successor that runs keeps running with its earlier configuration, and one that does not run starts.
restart_successors() {
    while read -r unit; do
        other=$(cat "$WORK/restart_after.$unit" 2>/dev/null) || continue
        tries=0
        until is_healthy "$other"; do
            tries=$((tries + 1))
            [ "$tries" -le 30 ] || break
            sleep 1
        done
        if [ "$tries" -gt 30 ] && systemctl is-active --quiet "$unit"; then
            : >"$WORK/started.$unit" # an empty record, with which the next run restarts the unit
            continue
        fi
        timeout 60 systemctl restart "$unit" 2>/dev/null </dev/null || :
    done <"$WORK/restart"
}

is_healthy() { # UNIT
    systemctl is-active --quiet "$1" || return 1
    ready=$(cat "$WORK/ready.$1")
    (eval "$ready") >/dev/null 2>"$WORK/reason" </dev/null
}

wait_services() {
    while read -r unit timeout _; do
        deadline=$(($(date +%s) + timeout))
        until is_healthy "$unit"; do
            # Our units restart without limit and never become `failed`; another failed unit does not recover.
            if [ "$(date +%s)" -ge "$deadline" ] || systemctl is-failed --quiet "$unit"; then
                fail_service "$unit" "is not healthy after $((timeout + $(date +%s) - deadline)) s"
            fi
            sleep 0.3
        done
    done <"$WORK/services"
}

fail_service() { # UNIT PROBLEM
    reason=$(tail -n 1 "$WORK/reason" 2>/dev/null) || reason=
    state=$(systemctl is-active "$1") || :
    journalctl --unit="$1" --lines=20 --no-pager --output=cat >&2 || :
    die "$1 ($state) $2${reason:+: $reason}; its last messages are above"
}

listens() { # PORT: succeeds when this host listens on that TCP port
    port=$(printf '%04X' "$1")
    for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$table" ] || continue
        while read -r _ address _ state _; do
            [ "${address##*:}" = "$port" ] && [ "$state" = 0A ] && return 0
        done <"$table"
    done
    return 1
}

# --- removal ---------------------------------------------------------------------------------

# unused LIST FILE: the lines of FILE that no other role has in its recorded LIST.
unused() {
    for other in "$STATE"/roles/*; do
        [ "$other" = "$RECORD" ] || [ ! -f "$other/$1" ] || cat "$other/$1"
    done | sort -u >"$WORK/others"
    sort -u "$2" | comm -23 - "$WORK/others"
}

stop_units() { # FILE of units
    while read -r unit; do
        # Only units that we installed: a unit of the system that we only restarted keeps running.
        [ -f "$ROOT/etc/systemd/system/$unit" ] || continue
        timeout 180 systemctl disable --quiet --now "$unit" 2>/dev/null || :
        rm -f "$STATE/services/$unit"
    done <"$1"
}

# units_of FILE: the units whose files are among these paths. Units that another unit starts (timers' services,
# helpers of etcd) are in no list of services.
units_of() {
    while read -r path; do
        case $path in /etc/systemd/system/*.service | /etc/systemd/system/*.timer) say "${path##*/}" ;; esac
    done <"$1"
}

remove_paths() { # FILE of paths
    sort -r "$1" | while read -r path; do
        target=$ROOT$path
        if [ -d "$target" ] && [ ! -L "$target" ]; then
            [ "${WIPE:-}" != yes ] || empty_directory "$target"
            rmdir "$target" 2>/dev/null || : # a mount point, or it has files that are not ours
        else
            rm -f "$target"
        fi
    done
}

empty_directory() {
    for entry in "$1"/* "$1"/.[!.]*; do
        # A mount point cannot be removed: the boot program of a cloud keeps secrets in memory below /etc.
        rm -rf --one-file-system "$entry" 2>"$WORK/reason" || grep -qF " $entry " /proc/self/mounts ||
            die "cannot be removed: $(cat "$WORK/reason")"
    done
}

remove_stale() {
    comm -13 "$WORK/units" "$RECORD/units" >"$WORK/units.old"
    unused paths "$WORK/paths.stale" >"$WORK/paths.remove"
    { unused units "$WORK/units.old"; units_of "$WORK/paths.remove"; } | sort -u >"$WORK/units.stale"
    stop_units "$WORK/units.stale"
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

# --- commit ----------------------------------------------------------------------------------

commit() {
    check_requirements
    check_stages
    compare
    guard
    fetch_all
    check_new_host
    if [ -n "$DRAIN_ON" ] && [ -f "$RECORD/digest" ] && ends_pods; then
        for path in $DRAIN_ON; do
            is_changed "$path" && { drain_node "$DRAIN_SECONDS" "$path changes"; break; }
        done
    fi
    convert_records
    # Before the first file changes, so that an interrupted step between versions is remembered.
    cp "$WORK/versions" "$RECORD/versions"
    install_all
    load_modules
    swap_off
    set_hostname
    remove_stale
    [ -z "$(cat "$WORK/files.changed" "$WORK/units.stale")" ] || systemctl daemon-reload
    delete_stale_node
    plan_services
    apply_services
    wait_services
    label_new_node
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
    record_health_checks
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
