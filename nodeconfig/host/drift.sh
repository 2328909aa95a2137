# shellcheck shell=sh disable=SC2034,SC2153
# Comparison of a host with its delivery, without changes [J3]. Inserted after the host program in a delivered
# script, it replaces `begin` and `commit`. Each difference is one line: kind, object, difference, separated by
# tabs. The last line reports that the comparison is complete.
#
# The host program before it is the one of the delivery, which may be of an earlier release: of its functions only
# say, sum, stored, fingerprint and unused may be used here.

begin() { # ROLE: takes no lock and records nothing
    ROLE=$1
    RECORD=$STATE/roles/$ROLE
    mkdir -p "$WORK/stage"
    for list in directories modules files artifacts services units paths digests; do : >"$WORK/$list"; done
}

differs() { # KIND OBJECT DIFFERENCE
    printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

commit() {
    if [ -f "$RECORD/digest" ]; then
        drift_files
        drift_directories
        drift_artifacts
        drift_services
        drift_kernel
        ! packet_filter_differs || differs "packet filter" "inet kubewright" "has other rules than its file"
        drift_leftovers
    else
        differs role "$ROLE" "is not on this host, or its delivery never completed"
    fi
    differs compared "$ROLE" "$(wc -l <"$WORK/files") files, $(wc -l <"$WORK/artifacts") artifacts, $(wc -l <"$WORK/services") services"
}

drift_files() {
    while read -r mode owner path source; do
        target=$ROOT$path
        if [ -L "$target" ]; then
            differs file "$path" "is a symbolic link"
        elif [ ! -e "$target" ]; then
            differs file "$path" "is missing"
        elif [ ! -f "$target" ]; then
            differs file "$path" "is not a regular file"
        elif [ "$(sum "$source")" != "$(sum "$target")" ]; then
            differs file "$path" "has other content, changed $(stat -c %y "$target")"
        else
            drift_owner file "$mode" "$owner" "$path"
        fi
    done <"$WORK/files"
}

drift_owner() { # KIND MODE OWNER PATH
    [ -z "$ROOT" ] || return 0
    actual=$(stat -c '%04a %U:%G' "$4")
    [ "$actual" = "$2 $3" ] || differs "$1" "$4" "is $actual, not $2 $3"
}

drift_directories() {
    while read -r mode owner path; do
        if [ -d "$ROOT$path" ]; then
            drift_owner directory "$mode" "$owner" "$path"
        else
            differs directory "$path" "is missing"
        fi
    done <"$WORK/directories"
}

# drift_artifacts: compares digests of stored content, not only names.
drift_artifacts() {
    : >"$WORK/checked"
    while read -r name _ sha path member; do
        target=$(stored "$name" "$sha" "$member")
        if [ "$(readlink "$ROOT$path")" != "$target" ]; then
            differs artifact "$path" "is not the link to $name of this version"
        elif [ ! -e "$target" ]; then
            differs artifact "$path" "is missing in $STATE/artifacts"
        else
            drift_stored "$name" "$sha" "$path" "$member" "$target"
        fi
    done <"$WORK/artifacts"
}

drift_stored() { # NAME SHA256 PATH MEMBER TARGET
    whole=$5
    [ -z "$4" ] || whole=$STATE/artifacts/$2/archive
    actual=$(sum "$whole")
    [ "${actual%% *}" = "$2" ] || { differs artifact "$3" "has other content than its digest $2"; return 0; }
    has_content_of "$whole" "$5" "$4" || differs artifact "$3" "has other content than its archive"
}

drift_services() {
    while read -r unit _ _ watched; do
        state=$(systemctl is-active "$unit") || :
        systemctl is-active --quiet "$unit" || { differs service "$unit" "is ${state:-not active}"; continue; }
        before=$(cat "$STATE/services/$unit" 2>/dev/null) || before=
        # shellcheck disable=SC2086
        now="$(fingerprint "/etc/systemd/system/$unit") $(fingerprint $watched)"
        [ "$now" = "$before" ] || differs service "$unit" "was started with other files than the host has now"
        [ -f "$ROOT/etc/systemd/system/$unit" ] || continue
        [ -n "$ROOT" ] || systemctl is-enabled --quiet "$unit" || differs service "$unit" "is not enabled at boot"
        drift_drop_ins "$unit"
        [ "$(systemctl show --value --property=NeedDaemonReload "$unit")" != yes ] ||
            differs service "$unit" "has a unit file that systemd has not loaded yet (systemctl daemon-reload)"
    done <"$WORK/services"
}

# drift_drop_ins: files that change a unit of ours, also when systemd has not loaded them yet.
drift_drop_ins() { # UNIT
    for drop in "$ROOT/etc/systemd/system/$1.d"/*.conf "$ROOT/run/systemd/system/$1.d"/*.conf; do
        [ ! -e "$drop" ] || differs service "$1" "is changed by ${drop#"$ROOT"}"
    done
}

# drift_kernel: compares the settings in our files with the kernel's current ones.
drift_kernel() {
    while read -r _ _ path source; do
        case $path in /etc/sysctl.d/*) ;; *) continue ;; esac
        while read -r key _ wanted; do
            key=${key#-}
            case $key in '' | '#'*) continue ;; esac
            drift_setting "$key" "$wanted"
        done <"$source"
    done <"$WORK/files"
    [ -n "$ROOT" ] || [ "$(uname -n)" = "$NODE_NAME" ] || differs kernel hostname "is $(uname -n), not $NODE_NAME"
}

drift_setting() { # KEY WANTED
    setting=$ROOT/proc/sys
    rest=$1.
    while [ -n "$rest" ]; do
        setting=$setting/${rest%%.*}
        rest=${rest#*.}
    done
    [ -r "$setting" ] || return 0
    # The kernel returns such a file to the first read only, and sh would read byte by byte.
    value=$(cat "$setting")
    [ "$value" = "$2" ] || differs kernel "$1" "is $value, not $2"
}

# drift_leftovers: files of an earlier bundle that an interrupted run has not removed.
drift_leftovers() {
    [ -f "$RECORD/paths" ] || return 0
    sort -u "$WORK/paths" >"$WORK/paths.now"
    comm -13 "$WORK/paths.now" "$RECORD/paths" >"$WORK/paths.before"
    unused paths "$WORK/paths.before" >"$WORK/paths.old"
    while read -r path; do
        [ ! -e "$ROOT$path" ] || differs file "$path" "belongs to an earlier configuration"
    done <"$WORK/paths.old"
}
