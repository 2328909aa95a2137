# shellcheck shell=sh
# Part of the host program: what it refuses on a new host, before it installs anything, because the cluster would not
# work beside it. nodeconfig.host_program joins it to host.sh.

check_new_host() {
    for record in "$STATE"/roles/*/digest; do
        [ ! -e "$record" ] || return 0
    done
    [ "$(cat "$ROOT/sys/fs/selinux/enforce" 2>/dev/null)" != 1 ] ||
        die "SELinux is enforcing, and Kubewright does not label its files: set SELINUX=permissive in" \
            "/etc/selinux/config and restart the host"
    ! systemctl is-active --quiet firewalld 2>/dev/null || refuse_firewall firewalld "systemctl disable --now firewalld"
    ! ufw_is_enabled || refuse_firewall ufw "ufw disable"
    chains=$(dropping_chains) || die "the packet filter of this host could not be read"
    [ -z "$chains" ] || refuse_firewall "$chains" "remove the chain or its policy"
}

ufw_is_enabled() { # its unit is active even if it is not
    [ -f "$ROOT/etc/ufw/ufw.conf" ] || return 1
    while read -r line; do
        [ "$line" != ENABLED=yes ] || return 0
    done <"$ROOT/etc/ufw/ufw.conf"
    return 1
}

refuse_firewall() { # NAME WHAT-TO-DO
    die "another packet filter would block the cluster: $1; Kubewright filters the ports of hosts itself" \
        "(kubewright plan ports). Turn it off: $2"
}

# dropping_chains: chains of others that drop what the host forwards, such as the packets of pods. Docker creates one.
dropping_chains() {
    mkdir "$WORK/netfilter"
    while read -r name _ sha _; do
        [ "$name" != netfilter ] || tar -x -f "$STATE/artifacts/$sha/archive" -C "$WORK/netfilter"
    done <"$WORK/artifacts.changed"
    [ -x "$WORK/netfilter/nft" ] || return 0
    "$WORK/netfilter/nft" list chains >"$WORK/chains" || return 1
    while read -r line; do
        case $line in
        "table "*) table=${line%" {"} ;;
        "chain "*) chain=${line%" {"} ;;
        *" hook forward "*" policy drop;"*) [ "$table" = "table inet kubewright" ] || say "$table, $chain" ;;
        esac
    done <"$WORK/chains"
}
