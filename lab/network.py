"""The lab's network: a bridge in a namespace that has no uplink, and one namespace per host.

The machine's side is a single veth with an address in the lab's network. It is a port of the
bridge, so the machine and the hosts are neighbours; nothing that arrives on it is forwarded.
"""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.commands import run
from lab.errors import LabError
from lab.spec import LabHost, LabSpec, link_name

BRIDGE = "lab0"
NAMESPACES = Path("/run/netns")

# Forwarding, so that the bridge answers "unreachable" for all that is not in the lab. What it
# bridges is none of its firewall's business: it would track every connection of every host.
SETTINGS = """\
echo 1 > /proc/sys/net/ipv4/ip_forward
for file in /proc/sys/net/bridge/bridge-nf-call-*; do
    if [ -e "$file" ]; then echo 0 > "$file"; fi
done
"""


def gateway_namespace(lab: str) -> str:
    """Name of the namespace of bridge and gateway."""
    return f"kw.{lab}"


def host_namespace(lab: str, host: str) -> str:
    """Name of a host's namespace. Neither name has dots, so no two hosts of any labs share one."""
    return f"kw.{lab}.{host}"


def namespaces(lab: str) -> list[str]:
    """The lab's namespaces that exist, sorted: the gateway's first."""
    if not NAMESPACES.is_dir():
        return []
    own = gateway_namespace(lab)
    return sorted(
        path.name for path in NAMESPACES.iterdir() if path.name == own or path.name.startswith(f"{own}.")
    )


def links(namespace: str = "") -> set[str]:
    """Names of the links of a namespace (empty: the machine's own)."""
    place = ["-n", namespace] if namespace else []
    found = json.loads(run(["ip", "-j", *place, "link", "show"], what=f"links of {namespace or 'machine'}"))
    return {link["ifname"] for link in found}


def routed(network: IPv4Network, *, but: str) -> str:
    """How the machine routes a part of `network` already, "" when it does not; `but` is a link not to see."""
    for route in json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"], what="routes")):
        place = route["dst"]
        if place == "default" or route.get("dev") == but or route.get("type") in ("broadcast", "local"):
            continue
        if IPv4Network(place).overlaps(network):
            return f"{place} by {route.get('dev', route.get('type', 'a route'))}"
    return ""


def hardware_address(lab: str, owner: str) -> str:
    """A link's hardware address, always the same: neighbours remember it when a link is made again."""
    digest = hashlib.sha256(f"{lab} {owner}".encode()).hexdigest()
    return "02:" + ":".join(digest[place : place + 2] for place in range(0, 10, 2))


def ensure_gateway(spec: LabSpec) -> None:
    """Make the gateway's namespace, the bridge and the machine's link, or what is missing of them."""
    name, link = gateway_namespace(spec.name), link_name(spec.name)
    what = f"network of lab {spec.name}"
    _namespace(name, what)
    inside = links(name)
    if BRIDGE not in inside:
        run(["ip", "netns", "exec", name, "sh", "-c", SETTINGS], what=what)
        run(["ip", "netns", "exec", name, "nft", "-f", "-"], what=what, stdin=_closed(spec))
        _batch(name, what, _bridge(spec))
    if link not in links() or "machine" not in inside:
        if link in links():
            run(["ip", "link", "del", link], what=what)
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "machine", "netns", name], what=what)
        _batch(name, what, [f"link set machine master {BRIDGE} up"])
        for key, value in (("ipv4/conf/{}/forwarding", "0"), ("ipv6/conf/{}/disable_ipv6", "1")):
            path = Path("/proc/sys/net", key.format(link))
            if path.exists():
                path.write_text(value)
        address = f"{spec.machine}/{spec.network.prefixlen}"
        mac = hardware_address(spec.name, "machine")
        _batch("", what, [f"addr add {address} dev {link}", f"link set {link} address {mac} up"])


def ensure_host(spec: LabSpec, host: LabHost) -> None:
    """Make a host's namespace with its link to the bridge, or what is missing of them."""
    name, gateway = host_namespace(spec.name, host.name), gateway_namespace(spec.name)
    what = f"{host.name}: network"
    _namespace(name, what)
    if "eth0" not in links(name):
        port = _port(spec, host.address)
        if port in links(gateway):
            run(["ip", "-n", gateway, "link", "del", port], what=what)
        run(
            ["ip", "-n", gateway, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name],
            what=what,
        )
        _batch(gateway, what, [f"link set {port} master {BRIDGE} up"])
        address = f"{host.address}/{spec.network.prefixlen}"
        mac = hardware_address(spec.name, str(host.address))
        _batch(
            name,
            what,
            [
                "link set lo up",
                f"link set eth0 address {mac}",
                f"addr add {address} dev eth0",
                "link set eth0 up",
                f"route add default via {spec.gateway}",
            ],
        )


def renew_host(spec: LabSpec, host: LabHost) -> None:
    """Give a host that does not run a new namespace: a machine that starts has no old bridges or rules."""
    gateway, port = gateway_namespace(spec.name), _port(spec, host.address)
    if port in links(gateway):
        # First and by itself: with its namespace it would go some time later, and meet its successor.
        run(["ip", "-n", gateway, "link", "del", port], what=f"{host.name}: network")
    remove_host(spec.name, host.name)
    ensure_host(spec, host)


def plug(spec: LabSpec, host: LabHost, *, into: bool) -> None:
    """Pull a host's network cable, or plug it in again. The host's own settings stay. Raises LabError."""
    state = "up" if into else "down"
    port = ["link", "set", _port(spec, host.address), state]
    run(["ip", "-n", gateway_namespace(spec.name), *port], what=f"{host.name}: network")


def remove_host(lab: str, host: str) -> None:
    """Remove a host's namespace; its link goes with it."""
    name = host_namespace(lab, host)
    if name in namespaces(lab):
        run(["ip", "netns", "del", name], what=f"{host}: network")


def remove(lab: str) -> None:
    """Remove all of the lab's namespaces and the machine's link."""
    link = link_name(lab)
    if link in links():
        run(["ip", "link", "del", link], what=f"network of lab {lab}")
    for name in namespaces(lab):
        run(["ip", "netns", "del", name], what=f"network of lab {lab}")


def pids(lab: str) -> set[int]:
    """Ids of the processes that are in one of the lab's namespaces, however they got there."""
    found: set[int] = set()
    for name in namespaces(lab):
        try:
            found.update(int(word) for word in run(["ip", "netns", "pids", name], what=name).split())
        except LabError:
            continue  # a name without a namespace behind it, left by a crash: it has no processes
    return found


def _bridge(spec: LabSpec) -> list[str]:
    return [
        "link set lo up",
        f"link add {BRIDGE} address {hardware_address(spec.name, 'gateway')} type bridge forward_delay 0",
        f"addr add {spec.gateway}/{spec.network.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        # A host that asks for anything else is told so at once, instead of waiting for a time-out.
        "route add unreachable default",
    ]


def _closed(spec: LabSpec) -> str:
    """Rules by which the machine is an end, never a way: a host cannot use it as its router."""
    return f"""
        table bridge lab {{
            chain forward {{
                type filter hook forward priority filter; policy accept;
                oifname "machine" ip daddr != {spec.machine} counter drop
                oifname "machine" meta protocol ip6 drop
            }}
        }}
    """


def _port(spec: LabSpec, address: IPv4Address) -> str:
    """Name of the bridge's port of a host: its number in the network."""
    return f"host{int(address) - int(spec.network[0])}"


def _batch(namespace: str, what: str, lines: list[str]) -> None:
    """Run several `ip` commands one after another; the first that fails ends it."""
    place = ["-n", namespace] if namespace else []
    run(["ip", *place, "-batch", "-"], what=what, stdin="".join(f"{line}\n" for line in lines))


def _namespace(name: str, what: str) -> None:
    """Make the namespace, also when a crash left its name without a namespace behind it."""
    path = NAMESPACES / name
    if path.exists() and path.stat().st_dev == NAMESPACES.stat().st_dev:
        run(["ip", "netns", "del", name], what=what)
    if not path.exists():
        run(["ip", "netns", "add", name], what=what)
