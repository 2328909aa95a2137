# shellcheck shell=sh
# Part of the host program, and of the comparison of a host with its delivery: the packet filter in the kernel.

# packet_filter_differs: the table in the kernel is not the table of the delivered file. nft formats both of them:
# it loads the file into the kernel's filter of a new network namespace.
packet_filter_differs() {
    nft=$ROOT/usr/local/lib/kubewright/netfilter/nft
    rules=$ROOT/etc/kubewright/firewall.nft
    [ -f "$rules" ] && [ -x "$nft" ] || return 1
    # shellcheck disable=SC2016
    wanted=$(unshare --net sh -c '"$1" -f "$2" && "$1" list table inet kubewright' - "$nft" "$rules" 2>/dev/null) ||
        return 1
    [ "$("$nft" list table inet kubewright 2>/dev/null)" != "$wanted" ]
}
