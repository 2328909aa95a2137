# shellcheck shell=sh
# Kubewright's host program: makes a host match a bundle. It is the same on every provider and needs only a
# POSIX shell, coreutils, tar and systemd.
#
# It begins with prelude.sh. A script sources the whole program with a working directory as first argument,
# declares the bundle with the functions `begin` to `drain`, and ends with `commit`, which compares, installs
# what differs, restarts what must restart, waits for health and records the result. Nothing changes before
# `commit`, and the record comes last, so that the next run completes a run that was interrupted.
#
# KUBEWRIGHT_ROOT is a prefix for every path (tests).

LOCK=$ROOT/run/kubewright.lock
LIBRARY=$ROOT/usr/local/lib/kubewright
PROVIDER_ID=
COUNT=0
DRAIN_ON=

# --- one run at a time -----------------------------------------------------------------------

# start_time PID: when that process started, empty when it does not exist. Distinguishes the process from a
# later one with the same number.
start_time() {
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    # shellcheck disable=SC2086
    set -- ${line##*) }
    say "${20}"
}

# is_stale_lock: succeeds when the process that holds the lock has ended, or has not written its number for 5 s.
is_stale_lock() {
    holder=$(cat "$LOCK/holder" 2>/dev/null) || holder=
    if [ -n "$holder" ]; then
        nameless=0
        [ "$(start_time "${holder%% *}")" != "${holder#* }" ]
    else
        [ "$nameless" -gt 5 ]
    fi
}

# remove_stale_lock: only the process that creates `taken` in a lock may remove it. Since the check, another process
# may have removed the lock and created a new one: this process checks again when no other can remove the lock.
remove_stale_lock() {
    if ! mkdir "$LOCK/taken" 2>/dev/null; then
        blocked=$((blocked + 1))
        # A process that was killed here leaves `taken`.
        [ "$blocked" -le 10 ] || rmdir "$LOCK/taken" 2>/dev/null || :
        return 1
    fi
    blocked=0
    if is_stale_lock; then
        mv "$LOCK" "$LOCK.stale.$$" && rm -rf "$LOCK.stale.$$"
    else
        rmdir "$LOCK/taken"
        return 1
    fi
}

lock() {
    mkdir -p "${LOCK%/*}"
    tries=0 nameless=0 blocked=0
    until mkdir "$LOCK" 2>/dev/null; do
        tries=$((tries + 1)) nameless=$((nameless + 1))
        ! is_stale_lock || ! remove_stale_lock || continue
        [ "$tries" -le 600 ] ||
            die "process ${holder%% *} has been changing this host for 600 s; wait until it ends, or end it"
        sleep 1
    done
    say "$$ $(start_time $$)" >"$LOCK/holder"
    trap 'rm -rf "$LOCK"' EXIT
    trap 'exit 130' HUP INT TERM
}

# --- what a script declares ------------------------------------------------------------------

begin() { # ROLE
    ROLE=$1
    RECORD=$STATE/roles/$ROLE
    lock
    mkdir -p "$RECORD" "$STATE/artifacts" "$STATE/services" "$WORK/stage"
    for list in directories trust modules files artifacts services units paths digests versions labels requires kernels; do
        : >"$WORK/$list"
    done
    rm -f "$STATE/leaving"
    install -m 0700 "$WORK/host.sh" "$STATE/host.sh.new"
    mv -f "$STATE/host.sh.new" "$STATE/host.sh"
}

identity() { # NAME ADDRESS [PROVIDER'S ID]
    NODE_NAME=$1 PROVIDER_ID=${3:-}
    file 0644 root:root /etc/kubewright/host.env <<EOF
NODE_NAME=$1
NODE_IP=$2${3:+
PROVIDER_ID=$3}
EOF
}

trust() { say "$*" >>"$WORK/trust"; } # AUTHORITY SIGNING TRUSTED…: its generations; the default is 1 1

directory() { # MODE OWNER PATH: the bundle owns it with all its content
    say "$1 $2 $3" >>"$WORK/directories"
    say "$3" >>"$WORK/paths"
}

module() { say "$1" >>"$WORK/modules"; } # NAME of a kernel module

file() { # MODE OWNER PATH, content on stdin
    COUNT=$((COUNT + 1))
    cat >"$WORK/stage/$COUNT"
    say "$1 $2 $3 $WORK/stage/$COUNT" >>"$WORK/files"
    say "$3" >>"$WORK/paths"
}

secret() { # MODE OWNER PATH, content in the payload
    [ -f "$WORK/secrets$3" ] || die "the payload has no $3"
    say "$1 $2 $3 $WORK/secrets$3" >>"$WORK/files"
    say "$3" >>"$WORK/paths"
}

artifact() { # NAME URL SHA256 PATH [MEMBER]
    say "$1 $2 $3 $4 ${5:-}" >>"$WORK/artifacts"
    say "$4" >>"$WORK/paths"
    say "$3" >>"$WORK/digests"
}

service() { # UNIT TIMEOUT restart|reload READY [PATH…]
    say "$4" >"$WORK/ready.$1"
    unit=$1 timeout=$2 how=$3
    shift 4
    say "$unit $timeout $how $*" >>"$WORK/services"
    say "$unit" >>"$WORK/units"
}

required_by() { say "$2" >"$WORK/required_by.$1"; } # UNIT OTHER: OTHER stops before UNIT restarts, if it runs

restart_after() { say "$2" >"$WORK/restart_after.$1"; } # UNIT OTHER: UNIT restarts when OTHER is healthy

label() { say "label $1" >>"$WORK/labels"; } # KEY=VALUE: of this host's Node, when an administrator must set it

taint() { say "taint $1" >>"$WORK/labels"; } # KEY=VALUE:EFFECT, likewise

drain() { # SECONDS PATH…: a change of one of these paths drains the node first, within that time
    DRAIN_SECONDS=$1
    shift
    DRAIN_ON="$*"
}

# --- comparing -------------------------------------------------------------------------------

same_file() { # MODE OWNER PATH SOURCE
    target=$ROOT$3
    [ -f "$target" ] && [ ! -L "$target" ] || return 1
    [ -n "$ROOT" ] || [ "$(stat -c '%04a %U:%G' "$target")" = "$1 $2" ] || return 1
    [ "$(sum "$4")" = "$(sum "$target")" ]
}

stored() { # NAME SHA256 MEMBER: the path where an artifact is stored
    case $3 in
    '') say "$STATE/artifacts/$2/$1" ;;
    '*') say "$STATE/artifacts/$2/tree" ;;
    *) say "$STATE/artifacts/$2/${3##*/}" ;;
    esac
}

compare() {
    [ "${CHECK_ARTIFACTS:-}" != yes ] || discard_damaged_artifacts
    while read -r mode owner path source; do
        same_file "$mode" "$owner" "$path" "$source" || say "$mode $owner $path $source"
    done <"$WORK/files" >"$WORK/files.changed"
    while read -r name url sha path member; do
        target=$(stored "$name" "$sha" "$member")
        if [ ! -e "$target" ] || [ "$(readlink "$ROOT$path")" != "$target" ]; then
            say "$name $url $sha $path $member"
        fi
    done <"$WORK/artifacts" >"$WORK/artifacts.changed"
    sort -u "$WORK/paths" -o "$WORK/paths"
    sort -u "$WORK/units" -o "$WORK/units"
    for list in paths units digests; do [ -f "$RECORD/$list" ] || : >"$RECORD/$list"; done
    comm -13 "$WORK/paths" "$RECORD/paths" >"$WORK/paths.stale"
}

# is_changed PATH: succeeds when the bundle brings another file or artifact to that path.
is_changed() {
    while read -r _ _ path _; do [ "$path" = "$1" ] && return 0; done <"$WORK/files.changed"
    while read -r _ _ _ path _; do [ "$path" = "$1" ] && return 0; done <"$WORK/artifacts.changed"
    return 1
}

# --- installing ------------------------------------------------------------------------------

make_parent() { # PATH
    [ -d "${1%/*}" ] || (umask 022 && mkdir -p "${1%/*}")
}

set_owner() { # OWNER PATH
    [ -n "$ROOT" ] || chown -h "$1" "$2"
}

install_file() { # MODE OWNER PATH SOURCE
    target=$ROOT$3
    make_parent "$target"
    cp "$4" "$target.kubewright"
    set_owner "$2" "$target.kubewright"
    chmod "$1" "$target.kubewright"
    mv -fT "$target.kubewright" "$target"
    case $3 in /etc/sysusers.d/*) systemd-sysusers "$target" >/dev/null 2>&1 ;; esac
}

# set_hostname: sets the node's name and keeps the name before, which `reset` restores.
set_hostname() {
    [ -z "$ROOT" ] || return 0
    before=$(cat /etc/hostname 2>/dev/null) || before=
    [ "$before" != "$NODE_NAME" ] || [ "$(uname -n)" != "$NODE_NAME" ] || return 0
    [ -f "$STATE/hostname" ] || say "${before:-$(uname -n)}" >"$STATE/hostname"
    write_hostname "$NODE_NAME"
}

write_hostname() {
    (umask 022 && say "$1" >/etc/hostname)
    say "$1" >/proc/sys/kernel/hostname 2>/dev/null || :
}

unpack() { # NAME SHA256 MEMBER: an artifact that is an archive, in the place where artifacts are stored
    archive=$STATE/artifacts/$2/archive
    target=$(stored "$1" "$2" "$3")
    if [ "$3" = '*' ] && [ ! -e "$target" ]; then
        rm -rf "$target.new"
        mkdir "$target.new"
        (umask 022 && tar -x -f "$archive" -C "$target.new")
        chmod 0755 "$target.new"
        mv "$target.new" "$target"
    elif [ -n "$3" ] && [ ! -e "$target" ]; then
        tar -x -O -f "$archive" "$3" >"$target.new"
        chmod 0755 "$target.new"
        mv "$target.new" "$target"
    fi
}

install_artifact() { # NAME URL SHA256 PATH MEMBER
    unpack "$1" "$3" "$5"
    target=$(stored "$1" "$3" "$5")
    make_parent "$ROOT$4"
    ln -s "$target" "$ROOT$4.kubewright"
    mv -fT "$ROOT$4.kubewright" "$ROOT$4"
}

# swap_off: with swap, memory limits of pods would not hold. In a container swap belongs to the machine.
swap_off() {
    [ -z "$ROOT" ] || return 0
    systemd-detect-virt --container --quiet && return 0
    swaps=0
    while read -r _; do swaps=$((swaps + 1)); done </proc/swaps
    [ "$swaps" -le 1 ] || swapoff -a
    systemctl is-enabled --quiet swap.target 2>/dev/null && systemctl mask --quiet swap.target
    return 0
}

load_modules() {
    while read -r name; do
        [ -d "/sys/module/$name" ] || { [ "$name" = br_netfilter ] && [ -d /proc/sys/net/bridge ]; } ||
            modprobe "$name" 2>/dev/null ||
            say "kernel module $name cannot be loaded; this is no error if the kernel has it built in"
    done <"$WORK/modules"
}

install_all() {
    # From here on the host may have files of both bundles: the record lists both until the run completes.
    for list in paths units; do sort -u "$WORK/$list" "$RECORD/$list" -o "$RECORD/$list"; done
    while read -r mode owner path source; do # users first, because they own other files
        case $path in /etc/sysusers.d/*) install_file "$mode" "$owner" "$path" "$source" ;; esac
    done <"$WORK/files.changed"
    while read -r mode owner path; do
        [ -d "$ROOT$path" ] || (umask 022 && mkdir -p "$ROOT$path")
        chmod "$mode" "$ROOT$path"
        set_owner "$owner" "$ROOT$path"
    done <"$WORK/directories"
    while read -r mode owner path source; do
        case $path in
        /etc/sysusers.d/*) ;;
        *) install_file "$mode" "$owner" "$path" "$source" ;;
        esac
    done <"$WORK/files.changed"
    while read -r name url sha path member; do
        install_artifact "$name" "$url" "$sha" "$path" "$member"
    done <"$WORK/artifacts.changed"
}
