# shellcheck shell=sh
# Part of the host program: changes that it refuses before it touches the host. These are steps between
# versions that upstream does not support, a restart that would break etcd's quorum, a skipped stage of a rotation,
# and a bundle that needs a program which the host lacks, or a later kernel. nodeconfig.host_program
# joins it to host.sh.

requires() { say "$1 $2" >>"$WORK/requires"; } # PATH REASON: a program that the image of the host must have

requires_kernel() { say "$1 $2" >>"$WORK/kernels"; } # MAJOR.MINOR REASON: the earliest version of Linux

check_requirements() {
    while read -r path reason; do
        [ -x "$ROOT$path" ] || die "this host has no program $path; $reason"
    done <"$WORK/requires"
    while read -r earliest reason; do
        release=$(uname -r)
        # 5.10.0-28-amd64, 6.1-rc8
        [ "$(minor "${release%%[!0-9.]*}")" -ge "$(minor "$earliest")" ] ||
            die "this host has Linux $release; $reason"
    done <"$WORK/kernels"
}

version() { say "$1 $2" >>"$WORK/versions"; } # COMPONENT VERSION that the bundle brings

guard() {
    while read -r component new; do
        old=$(previous_version "$component")
        [ -z "$old" ] || [ "$(minor "$old")" = "$(minor "$new")" ] || guard_minor "$component" "$old" "$new"
    done <"$WORK/versions"
    # A host without this program has a single member, delivered by an early release.
    if [ "$ROLE" = etcd ] && [ -f "$RECORD/digest" ] && [ -x "$LIBRARY/etcd-member" ] && etcd_restarts; then
        "$LIBRARY/etcd-member" others || die "etcd was not changed (the reason is above)"
    fi
    [ "$ROLE" != node ] || guard_dns_cache
}

# guard_dns_cache: pods that started with the DNS cache as their server ask it until they end. The state cannot show
# that every node has the setting `idle`, because `up` can fail after it has recorded the setting.
guard_dns_cache() {
    grep -qsF '"169.254.20.10"' "$ROOT/etc/kubernetes/kubelet.json" || return 0
    grep -qxF /etc/systemd/system/dns-cache-address.service "$WORK/paths" ||
        die "pods of this host ask the DNS cache, which cannot be removed in one step: set dns.node_cache: idle, run" \
            "\`up\` until it succeeds, restart the pods, then set none"
}

previous_version() { # COMPONENT
    [ -f "$RECORD/versions" ] || return 0
    while read -r name version; do [ "$name" != "$1" ] || say "$version"; done <"$RECORD/versions"
}

minor() { # VERSION: as one number
    major=${1%%.*} rest=${1#*.}
    say "$((major * 1000 + ${rest%%.*}))"
}

# guard_minor: the sources are upstream's version skew policy and etcd's upgrade guides.
guard_minor() { # COMPONENT OLD NEW
    step=$(($(minor "$3") - $(minor "$2")))
    [ "$step" -gt 0 ] || die "$1 $2 cannot become $3: a step back to an earlier minor version is not supported"
    case $1:$ROLE in
    kubernetes:node) return 0 ;; # a kubelet may skip minor versions: its node is drained before
    esac
    [ "$step" -eq 1 ] || die "$1 $2 cannot become $3 in one step: take each minor version in turn"
    [ "$1" != etcd ] || [ "$(minor "$3")" -ne 3007 ] || guard_etcd_members "$3"
}

# guard_etcd_members: etcd 3.7 joins only members of 3.6.11 or later.
guard_etcd_members() { # NEW
    "$LIBRARY/etcd-member" versions >"$WORK/members" || die "etcd was not changed (the reason is above)"
    while read -r member current; do
        patch=${current##*.}
        [ "$(minor "$current")" -gt 3006 ] ||
            { [ "$(minor "$current")" -eq 3006 ] && [ "${patch%%-*}" -ge 11 ]; } ||
            die "etcd cannot become $1 while member $member is at $current: upgrade all members to 3.6.11 or later first"
    done <"$WORK/members"
}

etcd_restarts() {
    while read -r _ _ path source; do
        case $path in
        /etc/systemd/system/etcd.service) has_same_effect "$path" "$source" || return 0 ;;
        /etc/etcd/pki/*) return 0 ;;
        esac
    done <"$WORK/files.changed"
    while read -r name _; do [ "$name" != etcd ] || return 0; done <"$WORK/artifacts.changed"
    return 1
}

# --- stages of a rotation ----------------------------------------------------------------------

# generations FILE AUTHORITY SHARED: "SIGNING TRUSTED…" in that file. SHARED is the answer for kubelet-serving if the
# file does not name it (topology.model).
generations() {
    [ ! -f "$1" ] || while read -r authority numbers; do
        [ "$authority" != "$2" ] || { say "$numbers"; return 0; }
    done <"$1"
    case $2 in kubelet-serving) say "$3" ;; *) say "1 1" ;; esac
}

# check_stages: the generation that signs now must be trusted after the change, and the generation that signs
# after the change must be trusted now. Otherwise hosts reject each other while they change one by one.
check_stages() {
    [ -f "$RECORD/digest" ] || return 0
    { cat "$RECORD/trust" 2>/dev/null || :; cat "$WORK/trust"; } >"$WORK/authorities"
    while read -r authority _; do
        old=$(generations "$RECORD/trust" "$authority" "0 0 1")
        new=$(generations "$WORK/trust" "$authority" "1 0 1")
        case " ${new#* } " in *" ${old%% *} "*) ;; *) refuse_stage ;; esac
        case " ${old#* } " in *" ${new%% *} "*) ;; *) refuse_stage ;; esac
    done <"$WORK/authorities"
}

refuse_stage() {
    die "certificates of $authority: on this host generation ${old%% *} signs, and ${old#* } is trusted;" \
        "a change to ${new%% *} signing and ${new#* } trusted skips a stage (trust, sign, done); apply" \
        "each stage with its own up"
}
