"""The NAT of a lab: a second network with hosts that others reach at addresses of the lab's network.

The gateway translates each inner address to one address of the lab's network and back, also for connections
between two hosts behind the NAT. It forwards no packets that are addressed to inner addresses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from lab.commands import run
from lab.network import BRIDGE, INNER_BRIDGE, gateway_namespace, hardware_address, links, run_ip_batch
from lab.spec import LabSpec

# The gateway forwards packets between two hosts of one network, and must not tell the hosts to avoid it.
_NO_REDIRECTS = f"""\
echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects
echo 0 > /proc/sys/net/ipv4/conf/{INNER_BRIDGE}/send_redirects
"""


def ensure(spec: LabSpec) -> None:
    """Create the network behind the NAT as far as it is missing, and replace the rules of the NAT."""
    name, what = gateway_namespace(spec.name), f"NAT of lab {spec.name}"
    inner = {host.address: host.inner.ip for host in spec.hosts if host.inner}
    if spec.inner_network is not None and INNER_BRIDGE not in links(name):
        run_ip_batch(name, what, _bridge_commands(spec, spec.inner_network))
        run(["ip", "netns", "exec", name, "sh", "-c", _NO_REDIRECTS], what=what)
    if INNER_BRIDGE in links(name):
        _set_addresses(spec, name, what, inner)
        run(["ip", "netns", "exec", name, "nft", "-f", "-"], what=what, stdin=_rules(inner))


def _bridge_commands(spec: LabSpec, network: IPv4Network) -> list[str]:
    address = hardware_address(spec.name, "inner gateway")
    return [
        f"link add {INNER_BRIDGE} address {address} type bridge forward_delay 0",
        f"addr add {network[1]}/{network.prefixlen} dev {INNER_BRIDGE}",
        f"link set {INNER_BRIDGE} up",
    ]


def _set_addresses(spec: LabSpec, name: str, what: str, inner: Mapping[IPv4Address, IPv4Address]) -> None:
    """Give the gateway the outer addresses, so that it answers ARP requests for them."""
    shown = json.loads(run(["ip", "-j", "-n", name, "-4", "addr", "show", "dev", BRIDGE], what=what))
    present = {IPv4Address(item["local"]) for link in shown for item in link.get("addr_info", ())}
    stale = present - inner.keys() - {spec.gateway}
    lines = [f"addr del {address}/32 dev {BRIDGE}" for address in sorted(stale)]
    lines += [f"addr add {address}/32 dev {BRIDGE}" for address in sorted(inner.keys() - present)]
    if lines:
        run_ip_batch(name, what, lines)


def _rules(inner: Mapping[IPv4Address, IPv4Address]) -> str:
    """Return the rules of the NAT. `inner` has the address of each host by its outer address."""
    if not inner:
        return "add table ip nat; delete table ip nat"
    to_inner = ", ".join(f"{outside} : {inside}" for outside, inside in inner.items())
    to_outer = ", ".join(f"{inside} : {outside}" for outside, inside in inner.items())
    return f"""
        add table ip nat
        delete table ip nat
        table ip nat {{
            chain prerouting {{
                type nat hook prerouting priority dstnat; policy accept;
                dnat to ip daddr map {{ {to_inner} }}
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat; policy accept;
                snat to ip saddr map {{ {to_outer} }}
            }}
            chain forward {{
                type filter hook forward priority filter; policy accept;
                ct state established,related accept
                oifname "{INNER_BRIDGE}" ct status & dnat == 0 counter drop
            }}
        }}
    """
