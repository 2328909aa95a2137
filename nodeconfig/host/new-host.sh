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
    list_legacy_rules
    chains=$(dropping_chains)
    [ -z "$chains" ] || refuse_firewall "$chains" \
        "remove the chain, or let it accept what the host forwards and the ports of the host"
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

# list_rules: writes the rules of the packet filter to a file, without what is no condition. nft runs from the place
# where artifacts are stored: many systems run no program from /run, where this program works.
list_rules() {
    : >"$WORK/rules"
    while read -r name _ sha _ member; do
        [ "$name" = netfilter ] || continue
        unpack "$name" "$sha" "$member"
        "$(stored "$name" "$sha" "$member")/nft" --stateless list ruleset >"$WORK/nft" 2>"$WORK/reason" </dev/null ||
            die "nft cannot read the packet filter of this host: $(tail -n 1 "$WORK/reason")"
        sed -E '
            s/^(table .*\{).*/\1/
            s/ comment "[^"]*"$//
            s/$/ /
            s/(^|[[:space:]])counter (name "[^"]*" )?/\1/
            s/(^|[[:space:]])log (prefix "[^"]*" )?((level|group|snaplen|flags) [a-z0-9]+ )*/\1/' \
            "$WORK/nft" >"$WORK/rules"
    done <"$WORK/artifacts.changed"
}

# list_legacy_rules: appends the rules of iptables-legacy, which nft does not see, in the words of nft. They cannot be
# read on a host that no longer has iptables-legacy.
list_legacy_rules() {
    grep -qsx filter "$ROOT/proc/net/ip_tables_names" || return 0
    for name in iptables-legacy-save iptables-save; do
        case $("$name" --version 2>/dev/null) in
        '' | *nf_tables*) ;;
        *)
            "$name" -t filter >"$WORK/legacy" 2>"$WORK/reason" </dev/null ||
                die "$name cannot read the packet filter of this host: $(tail -n 1 "$WORK/reason")"
            say "table ip filter (iptables-legacy) {" >>"$WORK/rules"
            translate_chain INPUT input >>"$WORK/rules"
            translate_chain FORWARD forward >>"$WORK/rules"
            return 0
            ;;
        esac
    done
}

translate_chain() { # CHAIN HOOK: conditions without words of nft stay conditions
    say "chain $1 {"
    sed -n "
        s/^:$1 DROP .*/type filter hook $2 priority filter; policy drop;/p
        s/^:$1 ACCEPT .*/type filter hook $2 priority filter; policy accept;/p
        /^-A $1 /!d
        s/^-A $1//
        s/\$/ /
        / -j LOG /d
        / -j NFLOG /d
        s/ --comment \"[^\"]*\"//
        s/ --comment [^ ]*//
        s/ -m [a-z0-9_]*//g
        s/ -i lo / iif \"lo\" /
        s/ -p / meta l4proto /
        s/ --dports* / th dport /
        s/ --ctstate / ct state /
        s/ --state / ct state /
        s/ -j DROP / drop /
        s/ -j ACCEPT / accept /
        s/ -j REJECT / reject /
        s/ -[jg] / jump /
        y/ABCDEFGHIJKLMNOPQRSTUVWXYZ/abcdefghijklmnopqrstuvwxyz/
        p" "$WORK/legacy"
    say "}"
}

# needed_ports: the ports that other machines and pods need on this host: those of etcd, the API server, the kubelet and
# flannel that its own packet filter accepts. Packets to other ports of a node can be for pods, which pass other chains.
needed_ports() {
    while read -r _ _ path source; do
        [ "$path" = /etc/kubewright/firewall.nft ] || continue
        for port in tcp/2379 tcp/2380 tcp/6443 tcp/10250 udp/8472; do
            accept="${port%/*} dport ${port#*/} accept"
            case $(grep -c "$accept" "$source") in
            0) ;;
            1) grep -q "/32 $accept" "$source" || say "$port" ;; # a single source is the host itself
            *) say "$port" ;;
            esac
        done
    done <"$WORK/files"
}

# dropping_chains: chains of others that drop what the cluster needs, by their policy, as Docker's, or by a rule without
# a condition: what the host forwards, such as the packets of pods, or packets to the needed ports that no rule before
# may accept. Pods have only IPv4 addresses.
dropping_chains() {
    found='' hook='' policy=''
    needed=$(needed_ports)
    while read -r line; do
        case $line in
        "table "*) table=${line%" {"} ;;
        "flags "*dormant*) table= ;; # its chains do not work
        "chain "*) chain=${line%" {"} ;;
        "}")
            [ "$policy" != drop ] || add_chain
            hook='' policy=''
            ;;
        *" hook forward "*" policy drop;"*) hook=forward policy=drop ;;
        *" hook forward "*) hook=forward ;;
        *" hook input "*" policy drop;"*) hook=input policy=drop closed=$needed ;;
        *" hook input "*) hook=input closed=$needed ;;
        "reject with tcp reset" | "reject with icmpv6 "*) ;; # nft does not print their condition: the protocol
        drop | reject | "reject "*)
            [ -z "$hook" ] || add_chain
            hook='' policy=''
            ;;
        *) [ "$hook" != input ] || remove_accepted_ports "$line" ;;
        esac
    done <"$WORK/rules"
    say "$found"
}

add_chain() {
    case $table in
    '' | "table inet kubewright" | "table ip6 "*) return 0 ;;
    esac
    ports=
    if [ "$hook" = input ]; then
        [ -n "$closed" ] || return 0
        for port in $closed; do ports="$ports${ports:+, }${port%/*} ${port#*/}"; done
    fi
    found="$found${found:+; }$table, $chain${ports:+ ($ports)}"
}

remove_accepted_ports() { # RULE: removes the ports that it may accept from `closed`
    case $1 in
    *accept* | *jump* | *goto* | *return* | *queue* | *map* | *"xt target"*) ;;
    *) return 0 ;;
    esac
    rest=
    for port in $closed; do
        may_accept "$1" "${port%/*}" "${port#*/}" || rest="$rest $port"
    done
    closed=${rest# }
}

# may_accept RULE PROTOCOL PORT: fails if the rule accepts no new connection from another machine to the port.
# Addresses, sets, maps, other chains and all conditions that are not known here may accept it.
may_accept() {
    case " $1 " in
    *!*) return 0 ;;
    *' iif "lo" '* | *' iifname "lo" '* | *" icmp type "* | *" icmpv6 type "*) return 1 ;;
    *" ip6 "[a-z]* | *" nfproto ipv6 "*) return 1 ;;
    *" ct state "*new* | *" ct state "*untracked* | *" ct state "*@*) ;;
    *" ct state "*) return 1 ;;
    esac
    case $2 in tcp) number=6 other=udp ;; *) number=17 other=tcp ;; esac
    ! read_values "$other dport" "$1" || return 1
    ! read_values "meta l4proto" "$1" || has_value "$2" || has_value "$number" || return 1
    ! read_values "ip protocol" "$1" || has_value "$2" || has_value "$number" || return 1
    ! read_values "$2 dport" "$1" || has_value "$3" || return 1
    ! read_values "th dport" "$1" || has_value "$3" || return 1
}

# read_values KEYWORDS RULE: writes the values that the rule compares, such as `22, 80-90`, to `values`.
read_values() {
    values=" $2"
    case $values in *" $1 "*) values=${values#*" $1 "} ;; *) return 1 ;; esac
    case $values in
    "{ "*)
        values=${values#"{ "}
        values=${values%%" }"*}
        ;;
    *) values=${values%% *} ;;
    esac
}

has_value() { # NAME-OR-NUMBER: a set or a map may have it
    wanted=$1
    IFS=' ,'
    # shellcheck disable=SC2086
    set -- $values
    unset IFS
    for item; do
        case $item in
        "$wanted" | *[!a-z0-9:-]* | : | vmap | map) return 0 ;;
        [0-9]*[-:][0-9]*)
            # With the name of a protocol, the comparison fails.
            [ "${item%%[-:]*}" -le "$wanted" ] && [ "$wanted" -le "${item##*[-:]}" ] && return 0
            ;;
        esac 2>/dev/null
    done
    return 1
}
