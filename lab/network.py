"""The network of the lab: a bridge in a namespace without uplink, and one namespace per host.

The machine has one veth link with an address in the network of the lab. The link is a port of the bridge,
so the machine and the hosts are neighbors. The machine forwards no packet from this link.
"""

from __future__ import annotations

import hashlib
import json
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.commands import run
from lab.errors import LabError
from lab.spec import LabHost, LabSpec, link_name

BRIDGE = "lab0"
INNER_BRIDGE = "inner0"
"""The bridge of the hosts behind the NAT (`lab.nat`)."""
TAP = "tap0"
"""The network card of a virtual machine, in the namespace of the host. A bridge joins it and the link of
the host.
"""
NAMESPACES = Path("/run/netns")

# With forwarding, the bridge answers "unreachable" for addresses outside the lab. The firewall does not
# filter bridged packets, because it would track every connection of every host.
FORWARDING_SCRIPT = """\
echo 1 > /proc/sys/net/ipv4/ip_forward
for file in /proc/sys/net/bridge/bridge-nf-call-*; do
    if [ -e "$file" ]; then echo 0 > "$file"; fi
done
"""


# ETHTOOL_STXCSUM of SIOCETHTOOL (linux/ethtool.h). Links of the lab pass packets without their checksums, and
# the NAT would damage such VXLAN packets. On a real network, network cards have completed them before.
COMPLETE_CHECKSUMS = """\
import array, fcntl, socket, struct
value = array.array("B", struct.pack("II", 0x17, 0))
request = struct.pack("16sP", b"eth0", value.buffer_info()[0])
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
"""


def gateway_namespace(lab: str) -> str:
    """Return the name of the network namespace that contains the bridge and the gateway of a lab."""
    return f"kw.{lab}"


def host_namespace(lab: str, host: str) -> str:
    """Return the name of the network namespace of a host.

    Names of labs and hosts contain no dots, so hosts of two labs never share a namespace.
    """
    return f"kw.{lab}.{host}"


def namespaces(lab: str) -> list[str]:
    """Return the names of the existing network namespaces of a lab, sorted, with the gateway first."""
    if not NAMESPACES.is_dir():
        return []
    own = gateway_namespace(lab)
    return sorted(
        path.name for path in NAMESPACES.iterdir() if path.name == own or path.name.startswith(f"{own}.")
    )


def links(namespace: str = "") -> set[str]:
    """Return the names of the network links in a namespace. An empty name selects the machine's own
    namespace.
    """
    place = ["-n", namespace] if namespace else []
    shown = json.loads(run(["ip", "-j", *place, "link", "show"], what=f"links of {namespace or 'machine'}"))
    return {link["ifname"] for link in shown}


def conflicting_route(network: IPv4Network, *, ignored_link: str) -> str:
    """Return a route of the machine that overlaps `network` as text, or an empty text without such a route.

    Routes of the link `ignored_link` are ignored. So are routes of links that no longer exist: the kernel
    deletes the links of a deleted namespace in the background, and `ip` then shows `if` and a number as the
    link.
    """
    routes = json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"], what="routes"))
    existing = links()
    for route in routes:
        place = route["dst"]
        link = route.get("dev", "")
        if (
            place == "default"
            or link == ignored_link
            or (link and link not in existing)
            or route.get("type") in ("broadcast", "local")
        ):
            continue
        if IPv4Network(place).overlaps(network):
            return f"{place} by {link or route.get('type', 'a route')}"
    return ""


def hardware_address(lab: str, owner: str) -> str:
    """Return the hardware (MAC) address of a link, derived from the lab and from the owner of the link.

    The address is always the same, because neighbors remember the address of a link that is created again.
    """
    digest = hashlib.sha256(f"{lab} {owner}".encode()).hexdigest()
    return "02:" + ":".join(digest[place : place + 2] for place in range(0, 10, 2))


def ensure_gateway(spec: LabSpec) -> None:
    """Create the namespace of the gateway, the bridge, and the link of the machine, as far as they are
    missing.
    """
    name, link = gateway_namespace(spec.name), link_name(spec.name)
    what = f"network of lab {spec.name}"
    _create_namespace(name, what)
    inside = links(name)
    if BRIDGE not in inside:
        run(["ip", "netns", "exec", name, "sh", "-c", FORWARDING_SCRIPT], what=what)
        run(["ip", "netns", "exec", name, "nft", "-f", "-"], what=what, stdin=_packet_filter_rules(spec))
        run_ip_batch(name, what, _bridge_commands(spec))
    if link not in links() or "machine" not in inside:
        if link in links():
            _delete_link(link, what)
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "machine", "netns", name], what=what)
        run_ip_batch(name, what, [f"link set machine master {BRIDGE} up"])
        for key, value in (("ipv4/conf/{}/forwarding", "0"), ("ipv6/conf/{}/disable_ipv6", "1")):
            path = Path("/proc/sys/net", key.format(link))
            if path.exists():
                path.write_text(value)
        address = f"{spec.machine}/{spec.network.prefixlen}"
        mac = hardware_address(spec.name, "machine")
        run_ip_batch("", what, [f"addr add {address} dev {link}", f"link set {link} address {mac} up"])


def ensure_host(spec: LabSpec, host: LabHost) -> None:
    """Create the namespace of a host and its link to the bridge, as far as they are missing."""
    name, gateway = host_namespace(spec.name, host.name), gateway_namespace(spec.name)
    what = f"{host.name}: network"
    _create_namespace(name, what)
    if "eth0" not in links(name):
        port = _bridge_port_name(spec, host.address)
        if port in links(gateway):
            _delete_link(port, what, gateway)
        run(
            ["ip", "-n", gateway, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name],
            what=what,
        )
        bridge = INNER_BRIDGE if host.inner else BRIDGE
        run_ip_batch(gateway, what, [f"link set {port} master {bridge} up"])
        run_ip_batch(name, what, _tap_commands() if host.virtual else _address_commands(spec, host))
        if spec.inner_network is not None and not host.virtual:
            run(["ip", "netns", "exec", name, sys.executable, "-IS", "-c", COMPLETE_CHECKSUMS], what=what)


def renew_host(spec: LabSpec, host: LabHost) -> None:
    """Replace the namespace of a stopped host, so that the host boots without its old bridges and rules."""
    gateway, port = gateway_namespace(spec.name), _bridge_port_name(spec, host.address)
    if port in links(gateway):
        # Remove the link first. With its namespace the link would disappear later and conflict with the new
        # link.
        _delete_link(port, f"{host.name}: network", gateway)
    remove_host(spec.name, host.name)
    ensure_host(spec, host)


def set_link(spec: LabSpec, host: LabHost, *, connected: bool) -> None:
    """Connect the network link of a host, or disconnect the link if `connected` is false.

    The settings inside the host do not change. Raise LabError if the host has no link.
    """
    state = "up" if connected else "down"
    port = ["link", "set", _bridge_port_name(spec, host.address), state]
    run(["ip", "-n", gateway_namespace(spec.name), *port], what=f"{host.name}: network")


def remove_host(lab: str, host: str) -> None:
    """Remove the namespace of a host together with its link."""
    name = host_namespace(lab, host)
    if name in namespaces(lab):
        run(["ip", "netns", "del", name], what=f"{host}: network")


def remove(lab: str) -> None:
    """Remove all network namespaces of a lab and the lab's link on the machine."""
    link = link_name(lab)
    if link in links():
        _delete_link(link, f"network of lab {lab}")
    for name in namespaces(lab):
        run(["ip", "netns", "del", name], what=f"network of lab {lab}")


def pids(lab: str) -> set[int]:
    """Return the ids of all processes in the network namespaces of a lab."""
    ids: set[int] = set()
    for name in namespaces(lab):
        try:
            ids.update(int(word) for word in run(["ip", "netns", "pids", name], what=name).split())
        except LabError:
            continue  # a crash can leave a name without a namespace, which has no processes
    return ids


def _address_commands(spec: LabSpec, host: LabHost) -> list[str]:
    address = host.inner or f"{host.address}/{spec.network.prefixlen}"
    return [
        "link set lo up",
        f"link set eth0 address {hardware_address(spec.name, str(host.address))}",
        f"addr add {address} dev eth0",
        "link set eth0 up",
        f"route add default via {host.inner.network[1] if host.inner else spec.gateway}",
    ]


def _tap_commands() -> list[str]:
    return [
        f"link add {BRIDGE} type bridge forward_delay 0",
        f"tuntap add dev {TAP} mode tap",
        f"link set {TAP} master {BRIDGE} up",
        f"link set eth0 master {BRIDGE} up",
        f"link set {BRIDGE} up",
    ]


def _bridge_commands(spec: LabSpec) -> list[str]:
    return [
        "link set lo up",
        f"link add {BRIDGE} address {hardware_address(spec.name, 'gateway')} type bridge forward_delay 0",
        f"addr add {spec.gateway}/{spec.network.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        # Requests of hosts to other addresses fail immediately instead of after a timeout.
        "route add unreachable default",
    ]


def _packet_filter_rules(spec: LabSpec) -> str:
    """Return rules that accept traffic to the machine but forward no packets, so that hosts cannot use it
    as a router.
    """
    return f"""
        table bridge lab {{
            chain forward {{
                type filter hook forward priority filter; policy accept;
                oifname "machine" ip daddr != {spec.machine} counter drop
                oifname "machine" meta protocol ip6 drop
            }}
        }}
    """


def _bridge_port_name(spec: LabSpec, address: IPv4Address) -> str:
    """Return the name of the bridge port of a host, which contains the number of the host in the network."""
    return f"host{int(address) - int(spec.network[0])}"


def run_ip_batch(namespace: str, what: str, lines: list[str]) -> None:
    """Run `ip` commands in order in a namespace. Stop at the first failure. `what` starts the error
    message.
    """
    place = ["-n", namespace] if namespace else []
    run(["ip", *place, "-batch", "-"], what=what, stdin="".join(f"{line}\n" for line in lines))


def _delete_link(link: str, what: str, namespace: str = "") -> None:
    """Delete a network link. An empty namespace is the machine's own.

    The kernel deletes the links of a deleted namespace in the background, so the link may be gone already.
    """
    place = ["-n", namespace] if namespace else []
    try:
        run(["ip", *place, "link", "del", link], what=what)
    except LabError:
        if link in links(namespace):
            raise


def _create_namespace(name: str, what: str) -> None:
    """Create a network namespace if it is missing, also if a crash left its name without a namespace."""
    path = NAMESPACES / name
    if path.exists() and path.stat().st_dev == NAMESPACES.stat().st_dev:
        run(["ip", "netns", "del", name], what=what)
    if not path.exists():
        run(["ip", "netns", "add", name], what=what)
