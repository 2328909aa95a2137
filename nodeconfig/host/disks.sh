#!/bin/sh
# The disks of a pool on this host (pools.NAME.disks): formats those that are provably blank, and mounts all at
# /var/lib/kubewright/disks/NAME. The directory `volume` on a disk is the volume of pods: without the disk it does not
# exist, so that pods wait. nodeconfig.disks joins blank-disk.sh to this program. /etc/kubewright/disks has a line for
# each disk: name, device, file system, bytes, mount options.
#
# boot:  mounts all disks, and waits for missing devices. It succeeds in any case, because the kubelet starts afterwards.
# mount: mounts all disks, and unmounts those that are no longer in the file. It fails if one of them has a problem.
# stop:  unmounts all disks if the unit is disabled, because it is removed then.
#
# KUBEWRIGHT_ROOT is a prefix for every path (tests).

set -eu
umask 077
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export PATH LC_ALL

ROOT=${KUBEWRIGHT_ROOT:-}
DISKS=$ROOT/etc/kubewright/disks
MOUNTS=$ROOT/var/lib/kubewright/disks
TABLE=$ROOT/proc/self/mountinfo
LABEL=kubewright
SECONDS_FOR_DEVICES=30

refuse() {
    printf 'disk %s: %s\n' "$name" "$*" >&2
    exit 1
}

# --- one disk --------------------------------------------------------------------------------

# mount_disk NAME DEVICE TYPE BYTES OPTIONS
mount_disk() {
    name=$1 target=$MOUNTS/$1
    [ -e "$ROOT$2" ] || refuse "$2 does not exist on this host; connect the disk, or correct the device"
    device=$(readlink -f "$ROOT$2")
    if mountpoint -q "$target"; then
        if is_mounted_from "$device"; then
            check_identity
            return 0
        fi
        unmount "$target"
    fi
    [ -b "$device" ] || [ -n "$ROOT" ] || refuse "$2 is no block device; name a disk"
    bytes=$(blockdev --getsize64 "$device")
    [ "$bytes" -ge "$4" ] || refuse "$2 has $bytes bytes, less than its capacity of $4; lower the capacity"
    if has_our_file_system "$device" "$3"; then
        check_file_system "$device" "$2" "$3"
    else
        refuse_data "$device" "$2" "$3"
        make_file_system "$device" "$2" "$3"
    fi
    mkdir -p "$target"
    mount -t "$3" -o "$5" "$device" "$target" || refuse "$2 cannot be mounted (the reason is above)"
    (check_identity) || {
        umount "$target"
        exit 1
    }
}

# is_mounted_from DEVICE: whether the mount is that of the device. After a change of the device it is that of another.
is_mounted_from() {
    number=$(number_of "$1")
    while read -r _ _ mounted _ path _; do
        [ "$path" != "$target" ] || [ "$mounted" != "$number" ] || return 0
    done <"$TABLE"
    return 1
}

number_of() { cat "$ROOT/sys/class/block/${1##*/}/dev" 2>/dev/null || echo none; } # DEVICE: major:minor

# unmount PATH: unmounts a disk that no pod uses. Its data stay.
unmount() {
    number=$(while read -r _ _ mounted _ path _; do [ "$path" != "$1" ] || echo "$mounted"; done <"$TABLE")
    [ "$(grep -c "^[0-9]* [0-9]* $number " "$TABLE")" -le 1 ] ||
        refuse "pods of this host use it; delete their claims before you remove the disk or change its device"
    umount "$1" || refuse "cannot be unmounted (the reason is above)"
    printf 'disk %s: unmounted; its data stay\n' "$name"
}

has_our_file_system() { # DEVICE TYPE
    [ "$(value_of TYPE "$1")" = "$2" ] && [ "$(value_of LABEL "$1")" = "$LABEL" ]
}

value_of() { blkid -p -s "$1" -o value "$2" 2>/dev/null || :; } # TAG DEVICE

# refuse_data DEVICE PATH TYPE: only a disk on which nothing is found, which nothing uses and which is blank may be
# formatted.
refuse_data() {
    code=0
    found=$(blkid -p -o export "$1" 2>&1) || code=$?
    type=$(value_of TYPE "$1") label=$(value_of LABEL "$1") table=$(value_of PTTYPE "$1")
    hint="it is left as it is; if nothing on it is needed, erase its beginning and end by hand"
    [ -z "$type" ] || refuse "$2 has data ($type${label:+, label $label}), and is no $3 of Kubewright; $hint"
    [ -z "$table" ] || refuse "$2 has data (a partition table, $table); $hint"
    [ "$code:$found" = 2: ] || refuse "$2 has data that blkid cannot name (code $code); $hint"
    [ -z "$(wipefs --no-act "$1" 2>&1)" ] || refuse "$2 has data (wipefs finds signatures); $hint"
    user=$(user_of "$1")
    [ -z "$user" ] || refuse "$2 is in use ($user); name another disk"
    is_blank "$1" || refuse "$2 has no known file system and is not blank; $hint"
}

# user_of DEVICE: what uses it: partitions, device mapper or RAID, a mount, swap.
user_of() {
    system=$ROOT/sys/class/block/${1##*/}
    for part in "$system"/*/partition; do [ ! -e "$part" ] || report_use "its partitions"; done
    for holder in "$system"/holders/*; do [ ! -e "$holder" ] || report_use "${holder##*/}"; done
    number=$(number_of "$1")
    while read -r _ _ mounted _ path _; do [ "$mounted" != "$number" ] || report_use "mounted at $path"; done <"$TABLE"
    while read -r path _; do [ "$path" != "$1" ] || report_use "swap"; done <"$ROOT/proc/swaps"
}

report_use() { printf '%s\n' "$*"; }

make_file_system() { # DEVICE PATH TYPE
    case $3 in
    ext4) set -- "$1" "$2" mkfs.ext4 -q -m 0 -L "$LABEL" "$1" ;;
    xfs) set -- "$1" "$2" mkfs.xfs -q -L "$LABEL" "$1" ;;
    *) refuse "the file system $3 is unknown" ;;
    esac
    path=$2
    shift 2
    "$@" </dev/null >&2 || refuse "$path cannot be formatted (the reason is above)"
    printf 'disk %s: %s was blank and has a new file system\n' "$name" "$path"
}

check_file_system() { # DEVICE PATH TYPE: xfs repairs itself when it is mounted
    [ "$3" = ext4 ] || return 0
    code=0
    result=$(e2fsck -p "$1" 2>&1) || code=$?
    [ "$code" -le 1 ] ||
        refuse "$2 is damaged: $(printf '%s\n' "$result" | tail -n 1); repair it by hand, then run again"
}

# check_identity: the mounted disk has a file with its name, because links to disks and names can be exchanged.
check_identity() {
    mark=$target/.kubewright-disk
    if [ -f "$mark" ]; then
        known=$(cat "$mark")
        [ "$known" = "$name" ] || refuse "the device is the disk $known, and its data stay; correct the devices"
        [ -d "$target/volume" ] || refuse "has no directory volume, although it had one; look at what is on it"
        return 0
    fi
    for entry in "$target"/* "$target"/.[!.]*; do
        case ${entry##*/} in lost+found | volume) continue ;; esac
        [ ! -e "$entry" ] || refuse "has files without the file ${mark##*/}; look at what is on it"
    done
    # Pods of all users write here. The directories above belong to root.
    if ! mkdir -p "$target/volume" || ! chmod 0777 "$target/volume" || ! printf '%s\n' "$name" >"$mark.new" ||
        ! mv "$mark.new" "$mark"; then
        refuse "cannot be written (the reason is above)"
    fi
    sync
}

# --- all disks -------------------------------------------------------------------------------

mount_all() {
    failed=0
    while read -r line; do
        # A process of its own, which ends with the first mistake.
        # shellcheck disable=SC2086
        sh "$0" disk $line </dev/null || failed=1
    done <"$DISKS"
    unmount_others "$DISKS" || failed=1
    return "$failed"
}

# unmount_others FILE: unmounts the disks that are not in the file.
unmount_others() {
    left=0
    for path in "$MOUNTS"/*; do
        name=${path##*/}
        if mountpoint -q "$path" && ! grep -q "^$name " "$1"; then
            (unmount "$path" && rmdir "$path") || left=1
        fi
    done
    return "$left"
}

wait_for_devices() {
    seconds=0
    while [ "$seconds" -lt "$SECONDS_FOR_DEVICES" ]; do
        missing=no
        while read -r _ device _; do [ -e "$ROOT$device" ] || missing=yes; done <"$DISKS"
        [ "$missing" = yes ] || return 0
        sleep 1
        seconds=$((seconds + 1))
    done
}

case $1 in
boot)
    wait_for_devices
    mount_all || :
    ;;
mount) mount_all ;;
disk)
    shift
    mount_disk "$@"
    ;;
stop) [ -e "$ROOT/etc/systemd/system/multi-user.target.wants/kubewright-disks.service" ] || unmount_others /dev/null ;;
esac
