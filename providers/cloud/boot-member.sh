# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# A part of the boot program of members, before boot.sh: the objects of this machine in the store, and its data volume.

# own_get NAME FILE: reads an object of the deployer for this machine.
own_get() { cloud_get "$KIND/$UNIT/$1" "$2"; }

# own_put NAME FILE: writes a status of this machine.
own_put() { cloud_put "status/$KIND/$UNIT/$1" "$2"; }

# for_good: whether the deployer has written a request to leave the cluster permanently to the store.
for_good() { own_get leave "$RUN/leave" 2>/dev/null; }

data_volume() {
    if ! mountpoint -q "$ROOT$DATA"; then
        device=$(cloud_volume) || fail "the data volume $VOLUME cannot be had (the reason is above)"
        prepare "$device"
        uuid=$(blkid -p -s UUID -o value "$device")
        mounted "UUID=$uuid" "$DATA" ext4 noatime,x-systemd.device-timeout=900
    fi
    has_role etcd || return 0
    # etcd owns its files, whatever user id the image gives to etcd.
    systemd-sysusers --inline 'u etcd - "etcd" /var/lib/etcd -'
    for name in etcd etcd-snapshots; do
        mkdir -p "$ROOT$DATA/$name"
        mounted "$DATA/$name" "/var/lib/$name" none bind
    done
    chown -R etcd:etcd "$ROOT$DATA/etcd"
}

# prepare DEVICE: creates a file system once, only on a volume that is blank (blank-disk.sh): any other volume may
# contain data.
prepare() {
    type=$(blkid -p -s TYPE -o value "$1") || type=
    case $type in
    ext4)
        # The previous machine may not have unmounted the volume.
        e2fsck -p "$1" >"$RUN/e2fsck" 2>&1 || [ $? -le 1 ] ||
            fail "$1 ($VOLUME) is damaged: $(tail -n 1 "$RUN/e2fsck"); repair it by hand, or go back to a snapshot"
        resize2fs "$1" >/dev/null 2>&1 || say "$1 ($VOLUME) could not be made as large as its volume"
        ;;
    '')
        is_blank "$1" ||
            fail "$1 ($VOLUME) has no file system and is not blank; it is left as it is: look at what is on it"
        mkfs.ext4 -q -m 0 -L kubewright "$1"
        ;;
    *) fail "$1 ($VOLUME) has a file system of another kind, $type; it is left as it is" ;;
    esac
}
