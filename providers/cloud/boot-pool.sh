# shellcheck shell=sh disable=SC2153,SC2154
# A part of the boot program of machines in pools, before boot.sh: the objects of this machine in the store, its
# bootstrap token, and the cloud's controller.

# own_get NAME FILE: reads an object of the deployer for this machine.
own_get() { cloud_get "$KIND/$UNIT/$BOOT_NAME.$1" "$2"; }

# own_put NAME FILE: writes a status of this machine.
own_put() { cloud_put "status/$KIND/$UNIT/$BOOT_NAME/$1" "$2"; }

# for_good: groups decide which machine of a pool leaves, not the deployer.
for_good() { return 1; }

# make_token: makes the token of this machine alone, and gives it to the control planes with the cloud's proof of the
# machine that made it. Control planes register the token if the cloud says that this is a new machine of a pool
# (docs/decisions/0030-tokens-of-machines-in-pools.md).
make_token() {
    token=$ROOT/etc/kubernetes/pki/bootstrap.token
    [ ! -s "$token" ] || return 0
    word=$(head -c 999 /dev/urandom | LC_ALL=C tr -dc a-z0-9)
    printf '%.6s.%.16s\n' "$word" "${word#??????}" >"$RUN/token"
    persist 4 cloud_join "$RUN/token" ||
        fail 'the bootstrap token cannot be written to the store; are the permissions of this machine right?'
    # The directories are on different file systems, between which a file is not moved at once.
    cp "$RUN/token" "$token.new" && mv -f "$token.new" "$token" && rm -f "$RUN/token"
}

# await_controller: without its controller's labels and addresses a node is of no use, and pods may not run there.
await_controller() {
    persist 360 initialized ||
        fail 'the cloud controller has not initialized this node in 30 minutes; look at its pods'
}

initialized() { (hosted initialized) >/dev/null 2>&1; }
