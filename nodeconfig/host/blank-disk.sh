# shellcheck shell=sh
# The check before a disk is formatted, for the boot programs of cloud machines and for disks.sh.

# is_blank DEVICE: succeeds when the first and the last MiB are readable and have only zeros. File systems, partition
# tables, LVM and RAID begin or end there.
is_blank() {
    for start in 0 $(($(blockdev --getsize64 "$1") - 1048576)); do
        [ "$(read_mib "$1" "$start" | wc -c)" -eq 1048576 ] || return 1
        [ "$(read_mib "$1" "$start" | tr -d '\000' | wc -c)" -eq 0 ] || return 1
    done
}

read_mib() { dd if="$1" bs=1048576 count=1 skip="$2" iflag=skip_bytes 2>/dev/null; } # DEVICE FIRST-BYTE
