# shellcheck shell=sh
# What the host program refuses before it changes anything: jumps between versions that upstream does
# not support, a restart that etcd's quorum could not bear, and a stage of a rotation that leaves one out.
# Joined to host.sh by nodeconfig.host_program.

version() { say "$1 $2" >>"$WORK/versions"; } # COMPONENT VERSION that the bundle brings

guard() {
    while read -r component new; do
        old=$(had "$component")
        [ -z "$old" ] || [ "$(minor "$old")" = "$(minor "$new")" ] || guard_minor "$component" "$old" "$new"
    done <"$WORK/versions"
    # Without its program it comes from an earlier release of ours, with a single member.
    if [ "$ROLE" = etcd ] && [ -f "$RECORD/digest" ] && [ -x "$LIBRARY/etcd-member" ] && etcd_restarts; then
        "$LIBRARY/etcd-member" others || die "etcd is left as it is (the reason is above)"
    fi
}

had() { # COMPONENT: its version before
    [ -f "$RECORD/versions" ] || return 0
    while read -r name was; do [ "$name" != "$1" ] || say "$was"; done <"$RECORD/versions"
}

minor() { # VERSION: as one number
    major=${1%%.*} rest=${1#*.}
    say "$((major * 1000 + ${rest%%.*}))"
}

# guard_minor: sources are upstream's version skew policy and etcd's upgrade guides.
guard_minor() { # COMPONENT OLD NEW
    step=$(($(minor "$3") - $(minor "$2")))
    [ "$step" -gt 0 ] || die "$1 $2 is here and $3 is older by a minor version: going back is not supported"
    case $1:$ROLE in
    kubernetes:node) return 0 ;; # a kubelet may skip minors: it is drained before
    esac
    [ "$step" -eq 1 ] || die "$1 $2 cannot become $3 at once: go through every minor version between them"
    [ "$1" != etcd ] || [ "$(minor "$3")" -ne 3007 ] || guard_etcd_members "$3"
}

# guard_etcd_members: 3.7 joins only members of 3.6.11 or later.
guard_etcd_members() { # NEW
    "$LIBRARY/etcd-member" versions >"$WORK/members" || die "etcd is left as it is (the reason is above)"
    while read -r member found; do
        patch=${found##*.}
        [ "$(minor "$found")" -gt 3006 ] || { [ "$(minor "$found")" -eq 3006 ] && [ "${patch%%-*}" -ge 11 ]; } ||
            die "etcd cannot become $1 while member $member is at $found: bring all members to 3.6.11 or later first"
    done <"$WORK/members"
}

etcd_restarts() {
    while read -r _ _ path _; do
        case $path in /etc/systemd/system/etcd.service | /etc/etcd/pki/*) return 0 ;; esac
    done <"$WORK/files.changed"
    while read -r name _; do [ "$name" != etcd ] || return 0; done <"$WORK/artifacts.changed"
    return 1
}

# --- stages of a rotation ----------------------------------------------------------------------

# generations FILE AUTHORITY: "SIGNS TRUSTED…" there.
generations() {
    [ ! -f "$1" ] || while read -r authority numbers; do
        [ "$authority" != "$2" ] || { say "$numbers"; return 0; }
    done <"$1"
    say "1 1"
}

# check_stages: what signs on this host now must be trusted after the change, and what signs after
# it must be trusted now, or hosts that are changed one by one would not know each other on the way.
check_stages() {
    [ -f "$RECORD/digest" ] || return 0
    { cat "$RECORD/trust" 2>/dev/null || :; cat "$WORK/trust"; } >"$WORK/authorities"
    while read -r authority _; do
        old=$(generations "$RECORD/trust" "$authority")
        new=$(generations "$WORK/trust" "$authority")
        case " ${new#* } " in *" ${old%% *} "*) ;; *) refuse_stage ;; esac
        case " ${old#* } " in *" ${new%% *} "*) ;; *) refuse_stage ;; esac
    done <"$WORK/authorities"
}

refuse_stage() {
    die "certificates of $authority: generation ${old%% *} signs here, and ${old#* } is trusted; with" \
        "${new%% *} signing and ${new#* } trusted a stage is left out: trust, sign, done, each by an up of its own"
}
