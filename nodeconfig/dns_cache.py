"""Component of the DNS cache of a node [H1]: two CoreDNS processes, which run as systemd services.

Both processes listen at the same address (SO_REUSEPORT), and the kernel gives each query to one of them. When
one process ends, all queries go to the other at once, and systemd starts the first again after a second. The
cache works with every mode of kube-proxy, because it does not take over the address of the service.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, IPROUTE
from nodeconfig.systemd import Unit, oneshot_unit, sandbox
from topology.dns import NODE_CACHE_ADDRESS, NodeCache
from topology.model import Topology
from topology.ports import DNS_CACHE_HEALTH_PORTS, DNS_CACHE_METRICS_PORTS, DNS_PORT

_PROGRAM = f"{BIN}/coredns"
_DIRECTORY = "/etc/dns-cache"
_COREFILE = f"{_DIRECTORY}/Corefile"
_USER = "coredns"
_ADDRESS_UNIT = "dns-cache-address.service"
_ADDRESS = f"{NODE_CACHE_ADDRESS}/32 dev lo"
_ADD_ADDRESS = f"{IPROUTE}/ip address replace {_ADDRESS}"
_NUMBERS = (1, 2)


def component(topology: Topology) -> Component:
    """Return the DNS cache of a node; empty if the settings have no cache."""
    if topology.dns.node_cache is NodeCache.NONE:
        return Component()
    config = File(_COREFILE, cache_corefile(topology))
    user = File(f"/etc/sysusers.d/kubewright-{_USER}.conf", f'u {_USER} - "CoreDNS"\n')
    units = [_service_unit(number) for number in _NUMBERS]
    return Component(
        files=(user, _address_unit(units), config, *(unit.file() for unit in units)),
        artifacts=(("coredns", _PROGRAM), ("iproute", IPROUTE)),
        services=(
            # The check adds an address that is missing, because the unit does not notice its removal.
            Service(_ADDRESS_UNIT, ready=_ADD_ADDRESS),
            _service(units[0], 1, config),
            # One process answers while the other restarts.
            _service(units[1], 2, config, restart_after=units[0].name),
        ),
        directories=(File(_DIRECTORY, "", mode=0o755),),
    )


def cache_corefile(topology: Topology) -> str:
    """Return the Corefile of the cache. The environment of each process has its ports on loopback.

    All queries go to the service of the cluster's DNS, which knows stub domains, hosts and rewrites. They use
    TCP: an entry of conntrack for UDP could lead to a pod that no longer exists. Names are kept for 30 s and
    missing names for 5 s, as in NodeLocal DNSCache.
    """
    return f"""\
.:{DNS_PORT} {{
    bind {NODE_CACHE_ADDRESS}
    errors
    health 127.0.0.1:{{$HEALTH_PORT}}
    prometheus 127.0.0.1:{{$METRICS_PORT}}
    cache {{
        success 9984 30
        denial 9984 5
    }}
    forward . {topology.network.dns_service} {{
        force_tcp
        max_concurrent 1000
    }}
}}
"""


def _service(unit: Unit, number: int, config: File, restart_after: str = "") -> Service:
    url = f"http://127.0.0.1:{DNS_CACHE_HEALTH_PORTS[number - 1]}/health"
    return Service(
        unit.name,
        restart_on=(_PROGRAM, config.path),
        ready=f'[ "$(local_health {url})" = OK ]',
        restart_after=restart_after,
    )


def _address_unit(units: list[Unit]) -> File:
    return oneshot_unit(
        _ADDRESS_UNIT,
        "Address of the DNS cache",
        start=_ADD_ADDRESS,
        stop=f"{IPROUTE}/ip address delete {_ADDRESS}",
        before=" ".join(unit.name for unit in units),
    )


def _service_unit(number: int) -> Unit:
    return Unit(
        name=f"dns-cache-{number}.service",
        description=f"DNS cache of this node, process {number}",
        command=(_PROGRAM, "-conf", _COREFILE),
        after=("network.target", _ADDRESS_UNIT, "kubewright-firewall.service"),
        restart_seconds=1,
        service=(
            f"Environment=HEALTH_PORT={DNS_CACHE_HEALTH_PORTS[number - 1]}",
            f"Environment=METRICS_PORT={DNS_CACHE_METRICS_PORTS[number - 1]}",
            f"User={_USER}",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            "MemoryMax=128M",
            "OOMScoreAdjust=-900",
            *sandbox(capabilities=("CAP_NET_BIND_SERVICE",)),
        ),
    )
