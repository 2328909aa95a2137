# shellcheck shell=sh
# The shared part of the boot program: turns a machine into what the store describes.
# Variables: UNIT and KIND (name and kind of the machine config), ROLES, DIGEST (of the config when the machine's
# template was created), BOOT_NAME and BOOT_ADDRESS (empty: ask the metadata service), VOLUME (id of the data
# volume, or empty), CONFIG (prefix of its objects in the store), DRAIN_SECONDS, REPAIR_SECONDS (after which an unhealthy machine is repaired; 0: never), CA (a
# PEM, or empty), JOINS (prefix in the store of the tokens of machines, for pools and control planes). Functions
# `cloud_*`: the cloud's part (docs/clouds.md).
#
#   install   cloud-init runs it once: installs the program and its units
#   deliver   kubewright-boot.service runs it at every boot, until all roles are healthy
#   leaving   kubewright-leaving.timer runs it: checks whether the machine must terminate or leave the cluster
#   repair    kubewright-repair.timer runs it: checks whether the machine is healthy
#   requests  kubewright-requests.service runs it: runs requests of the deployer
#   artifact  the host program runs it: fetches a file that the deployer has put into the store
#   call      services of control planes run it: calls a function of the cloud's part
#
# KUBEWRIGHT_ROOT is a prefix of every path, for tests.

ROOT=${KUBEWRIGHT_ROOT:-}
PLACE=/usr/local/lib/kubewright-boot
SYSTEMD=$ROOT/etc/systemd/system
RUN=$ROOT/run/kubewright-boot
DATA=/var/lib/kubewright-data
STATE=$ROOT/var/lib/kubewright
PAUSE=${KUBEWRIGHT_PAUSE:-5}
CA_FILE=
FOUND=
WHY=
BOOT_ID=

say() { printf 'kubewright: %s\n' "$*"; }

fail() {
    WHY=$*
    say "$WHY" >&2
    exit 1
}

persist() { # TIMES COMMAND…
    times=$1
    shift
    until "$@"; do
        times=$((times - 1))
        [ "$times" -gt 0 ] || return 1
        sleep "$PAUSE"
    done
}

# begin: creates the directory for fetched files in /run, which is in memory.
begin() {
    mkdir -p "$RUN"
    chmod 0700 "$RUN"
    [ -n "$CA" ] || return 0
    CA_FILE=$RUN/authority.pem
    # Other commands may use the file at the same time.
    printf '%s\n' "$CA" >"$CA_FILE.$$"
    mv -f "$CA_FILE.$$" "$CA_FILE"
}

artifact() { # NAME/VERSION/SHA256 FILE
    begin
    cloud_artifact "$1" "$2"
}

call() { # FUNCTION…
    begin
    "$@"
}

# --- install ---------------------------------------------------------------------------------

install() {
    mkdir -p "$ROOT$PLACE" "$SYSTEMD"
    cp "$0" "$ROOT$PLACE/boot.new"
    chmod 0700 "$ROOT$PLACE/boot.new"
    mv -f "$ROOT$PLACE/boot.new" "$ROOT$PLACE/boot"
    unit kubewright-boot.service 'Kubewright: becomes what the store says' <<EOF
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
RemainAfterExit=yes
ExecStart=/bin/sh $PLACE/boot deliver
Restart=on-failure
RestartSec=15
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
EOF
    unit kubewright-leaving.service 'Kubewright: goes when it is told to' <<EOF
After=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/sh $PLACE/boot leaving
TimeoutStartSec=infinity
EOF
    timer kubewright-leaving 10
    unit kubewright-repair.service 'Kubewright: starts a repair when the machine is not healthy' <<EOF

[Service]
Type=oneshot
ExecStart=/bin/sh $PLACE/boot repair
TimeoutStartSec=300
EOF
    timer kubewright-repair 30
    unit kubewright-requests.service 'Kubewright: runs requests of the deployer' <<EOF

[Service]
ExecStart=/bin/sh $PLACE/boot requests
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
    systemctl daemon-reload
    set -- kubewright-boot.service kubewright-leaving.timer kubewright-repair.timer kubewright-requests.service
    systemctl enable --quiet "$@"
    # Do not wait: other units wait for the end of cloud-init.
    systemctl start --no-block "$@"
}

timer() { # NAME SECONDS
    unit "$1.timer" "Kubewright: starts $1.service" <<EOF

[Timer]
OnActiveSec=$2s
OnUnitInactiveSec=$2s
AccuracySec=1s

[Install]
WantedBy=timers.target
EOF
}

unit() { # NAME DESCRIPTION, what follows on stdin
    { printf '[Unit]\nDescription=%s\n' "$2" && cat; } >"$SYSTEMD/$1"
    chmod 0644 "$SYSTEMD/$1"
}

# --- deliver ---------------------------------------------------------------------------------

deliver() {
    begin
    trap 'tell_failure $?' EXIT
    identify 6 || fail 'the cloud does not tell who this machine is; look at its metadata service'
    [ -e "$RUN/begun" ] || take_back
    [ -z "$VOLUME" ] || data_volume
    in_memory
    case $KIND in pools) make_token ;; esac
    persist 4 fetch || fail "the store does not give what $KIND/$UNIT is; are its identity and network right?"
    case $CONFIG in
    */"$DIGEST") [ "$FOUND" = "$DIGEST" ] || fail "the objects below $CONFIG in the store are not what was written: look at who changed them" ;;
    *) [ "$FOUND" = "$DIGEST" ] || say 'the store has changed since this machine was described; it becomes what is there' ;;
    esac
    for role in $ROLES; do
        sh "$RUN/$role.sh" <"$RUN/$role.payload" || fail "$role: not healthy yet (the reason is above); tried again"
        rm -f "$RUN/$role.payload"
        persist 10 report "$role" || fail "$role is healthy, but that cannot be written to the store"
    done
    case $KIND in pools) await_controller ;; esac
    cloud_ready || fail 'all is healthy, but the cloud does not take that in'
    if [ -s "$RUN/error" ]; then
        : >"$RUN/error"
        own_put error "$RUN/error" || say 'the last failure stays in the store'
    fi
    : >"$RUN/complete"
    : >"$STATE/was-healthy"
}

# tell_failure CODE: writes why this attempt failed to the store, where the deployer's command reads it.
tell_failure() {
    [ "$1" -ne 0 ] && [ -n "$BOOT_ID" ] || return 0
    journalctl --sync 2>/dev/null || :
    {
        printf '%s: %s\n' "$(date -u +%FT%TZ)" "${WHY:-ended with code $1}"
        journalctl --unit=kubewright-boot.service --boot --lines=20 --output=cat --no-pager 2>/dev/null || :
    } >"$RUN/error"
    own_put error "$RUN/error" 2>/dev/null || say 'this failure could not be written to the store' >&2
}

identify() { # TIMES
    persist "$1" cloud_identity || return 1
    case $BOOT_NAME$BOOT_ADDRESS$BOOT_ID in
    *[!A-Za-z0-9./:_-]*) fail "the cloud calls this machine what no node can be called: $BOOT_NAME, $BOOT_ID" ;;
    esac
    export BOOT_NAME BOOT_ADDRESS BOOT_ID
}

# fetch: downloads text and payload of every role. FOUND is their digest (providers/cloud/machine_config.py).
fetch() {
    for role in $ROLES; do
        for part in sh payload; do
            cloud_get "$CONFIG/$role.$part" "$RUN/$role.$part" || return 1
        done
    done
    FOUND=$(for role in $ROLES; do
        sha256sum <"$RUN/$role.sh"
        sha256sum <"$RUN/$role.payload"
    done | sha256sum)
    FOUND=${FOUND%% *}
}

# take_back: clears the statuses of this machine or its predecessor, once after every boot. FOUND is empty.
take_back() {
    for role in $ROLES error; do
        persist 3 report "$role" || say "$role: its old status in the store stays until it is healthy"
    done
    : >"$RUN/begun"
}

report() { # ROLE, healthy with what was FOUND; with nothing found yet: not healthy
    printf '%s\n' "$FOUND" >"$RUN/status"
    own_put "$1" "$RUN/status"
}

has_role() { case " $ROLES " in *" $1 "*) ;; *) return 1 ;; esac }

# in_memory: mounts memory for delivered keys, so that keys never reach a disk; a restart fetches them again.
in_memory() {
    if has_role etcd; then mounted tmpfs /etc/etcd/pki tmpfs mode=0755,size=16m,nosuid,nodev,noexec; fi
    if has_role control-plane || has_role node; then
        mounted tmpfs /etc/kubernetes/pki tmpfs mode=0755,size=16m,nosuid,nodev,noexec
    fi
}

# mounted WHAT WHERE TYPE OPTIONS: mounts now and after every restart, before units with RequiresMountsFor.
# `nofail`: a machine without its volume still boots and is reachable.
mounted() {
    line="$1 $2 $3 $4,nofail 0 0"
    found=no
    while read -r known; do [ "$known" != "$line" ] || found=yes; done <"$ROOT/etc/fstab"
    if [ "$found" = no ]; then
        printf '%s\n' "$line" >>"$ROOT/etc/fstab"
        systemctl daemon-reload
    fi
    [ -d "$ROOT$2" ] || (umask 022 && mkdir -p "$ROOT$2")
    mountpoint -q "$ROOT$2" || mount "$ROOT$2"
}

[ $# -gt 0 ] || set -- install
case $1 in
install | deliver | leaving | repair | requests | artifact | call) "$@" ;;
*) fail "no such command: $1" ;;
esac
