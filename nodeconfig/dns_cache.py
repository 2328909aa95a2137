"""Component of the DNS cache of a node [H1]: CoreDNS, which runs as a systemd service of each node.

systemd starts a service again after one second; the kubelet would wait longer after each failure of a pod.
The address of the cache stays while the service is down, so the kernel refuses queries at once, and resolvers
ask the next server, the service of the cluster's DNS. The cache works with every mode of kube-proxy, because
it does not take over the address of that service.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, IPROUTE
from nodeconfig.systemd import Unit, oneshot_unit, sandbox
from topology.dns import NODE_CACHE_ADDRESS
from topology.model import Topology
from topology.ports import DNS_CACHE_HEALTH_PORT, DNS_CACHE_METRICS_PORT, DNS_PORT

_PROGRAM = f"{BIN}/coredns"
_DIRECTORY = "/etc/dns-cache"
_COREFILE = f"{_DIRECTORY}/Corefile"
_USER = "coredns"
_UNIT = "dns-cache.service"
_ADDRESS_UNIT = "dns-cache-address.service"
_ARTIFACTS = (("coredns", _PROGRAM), ("iproute", IPROUTE))


def component(topology: Topology) -> Component:
    """Return the DNS cache of a node; empty if the settings have no cache."""
    if not topology.dns.node_cache:
        return Component()
    config = File(_COREFILE, cache_corefile(topology))
    unit = _service_unit()
    return Component(
        files=(
            File(f"/etc/sysusers.d/kubewright-{_USER}.conf", f'u {_USER} - "CoreDNS"\n'),
            _address_unit(),
            config,
            unit.file(),
        ),
        artifacts=_ARTIFACTS,
        services=(
            Service(_ADDRESS_UNIT),
            Service(
                unit.name,
                restart_on=(_PROGRAM, config.path),
                ready=f'[ "$(local_health http://127.0.0.1:{DNS_CACHE_HEALTH_PORT}/health)" = OK ]',
            ),
        ),
        directories=(File(_DIRECTORY, "", mode=0o755),),
    )


def artifacts(topology: Topology) -> tuple[str, ...]:
    """Return the names of the artifacts that only nodes with the cache fetch."""
    return tuple(name for name, _ in _ARTIFACTS) if topology.dns.node_cache else ()


def cache_corefile(topology: Topology) -> str:
    """Return the Corefile of the cache.

    All queries go to the service of the cluster's DNS, which knows stub domains, hosts and rewrites. They use
    TCP: an entry of conntrack for UDP could lead to a pod that no longer exists. Names are kept for 30 s and
    missing names for 5 s, as in NodeLocal DNSCache.
    """
    return f"""\
.:{DNS_PORT} {{
    bind {NODE_CACHE_ADDRESS}
    errors
    health 127.0.0.1:{DNS_CACHE_HEALTH_PORT}
    prometheus 127.0.0.1:{DNS_CACHE_METRICS_PORT}
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


def _address_unit() -> File:
    ip = f"{IPROUTE}/ip address"
    address = f"{NODE_CACHE_ADDRESS}/32 dev lo"
    return oneshot_unit(
        _ADDRESS_UNIT,
        "Address of the DNS cache",
        start=f"{ip} replace {address}",
        stop=f"{ip} delete {address}",
        before=_UNIT,
    )


def _service_unit() -> Unit:
    return Unit(
        name=_UNIT,
        description="DNS cache of this node",
        command=(_PROGRAM, "-conf", _COREFILE),
        after=("network.target", _ADDRESS_UNIT, "kubewright-firewall.service"),
        restart_seconds=1,
        service=(
            f"User={_USER}",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            "MemoryMax=128M",
            "OOMScoreAdjust=-900",
            *sandbox(capabilities=("CAP_NET_BIND_SERVICE",)),
        ),
    )
