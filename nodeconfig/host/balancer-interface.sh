#!/bin/sh
# balancer-interface ADDRESS FILE [ROUTES]: writes the network interface of ADDRESS (of this host) to FILE, as a
# line for keepalived. Reads the kernel's table of routes, because a host may not have `ip`.
set -eu

order() { # the kernel's hexadecimal number has the bytes of an address in reverse order
    after1=${1#??} after2=${1#????} after3=${1#??????}
    middle=${after2%??} second=${after1%????}
    printf '%s\n' $((0x$after3$middle$second${1%"$after1"}))
}

IFS=. read -r a b c d <<EOF
$1
EOF
address=$((((a * 256 + b) * 256 + c) * 256 + d))
longest=-1 interface=
while read -r name destination gateway _ _ _ _ mask _; do
    [ "$gateway" = 00000000 ] || continue # the header, or a network behind a router
    mask=$(order "$mask")
    if [ $((address & mask)) -eq "$(order "$destination")" ] && [ "$mask" -gt "$longest" ]; then
        longest=$mask interface=$name
    fi
done <"${3:-/proc/net/route}"
if [ -z "$interface" ]; then
    printf '%s is in no network of this host: give it an address with its network\n' "$1" >&2
    exit 1
fi
# shellcheck disable=SC2016 # a variable of keepalived
printf '$KUBEWRIGHT_INTERFACE=%s\n' "$interface" >"$2"
