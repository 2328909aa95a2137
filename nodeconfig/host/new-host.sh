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
    ! systemctl is-active --quiet firewalld 2>/dev/null ||
        refuse_firewall firewalld "run systemctl disable --now firewalld"
    ! ufw_is_enabled || refuse_firewall ufw "run ufw disable"
    list_rules
    chains=$(dropping_chains)
    [ -z "$chains" ] || refuse_firewall "$chains" "remove the chain, or let it accept what the host forwards"
}

ufw_is_enabled() { # its unit is active even when the firewall is disabled
    [ -f "$ROOT/etc/ufw/ufw.conf" ] || return 1
    while read -r line; do
        [ "$line" != ENABLED=yes ] || return 0
    done <"$ROOT/etc/ufw/ufw.conf"
    return 1
}

refuse_firewall() { # NAME WHAT-TO-DO
    die "another packet filter would block the cluster: $1; Kubewright filters the ports of hosts itself" \
        "(kubewright plan ports): $2"
}

# list_rules: writes the rules of the packet filter to a file. nft runs from the place where artifacts are stored:
# many systems run no program from /run, where this program works.
list_rules() {
    : >"$WORK/rules"
    while read -r name _ sha _ member; do
        [ "$name" = netfilter ] || continue
        unpack "$name" "$sha" "$member"
        "$(stored "$name" "$sha" "$member")/nft" --stateless list ruleset >"$WORK/rules" 2>"$WORK/reason" </dev/null ||
            die "nft cannot read the packet filter of this host: $(tail -n 1 "$WORK/reason")"
    done <"$WORK/artifacts.changed"
}

# dropping_chains: chains of others that drop what the host forwards, such as the packets of pods: by their policy, as
# Docker's, or by a rule without a condition. Pods have only IPv4 addresses.
dropping_chains() {
    found='' forward=''
    while read -r line; do
        case ${line#counter } in
        "table "*) table=${line%" {"} ;;
        "chain "*) chain=${line%" {"} ;;
        "}") forward= ;;
        *" hook forward "*" policy drop;"*) add_chain ;;
        *" hook forward "*) forward=yes ;;
        drop | "drop comment "* | reject | "reject "* | "log "*" drop") [ -z "$forward" ] || add_chain ;;
        esac
    done <"$WORK/rules"
    say "$found"
}

add_chain() {
    forward=
    case $table in
    "table inet kubewright" | "table ip6 "*) ;;
    *) found="$found${found:+; }$table, $chain" ;;
    esac
}
