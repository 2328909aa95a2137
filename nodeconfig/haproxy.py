"""haproxy on a host: its unit, and the sections that all its configurations share."""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.host_paths import LIBRARY
from nodeconfig.systemd import Unit, sandbox

HAPROXY = f"{LIBRARY}/haproxy"
"""Directory on a host of the artifact `haproxy`."""
HAPROXY_USER = File("/etc/sysusers.d/kubewright-haproxy.conf", 'u haproxy - "haproxy"\n')
CHECKS = (
    # haproxy limits the connection and the TLS handshake of a check by `inter`, and the response by `timeout
    # check`.
    "    default-server inter 1s fastinter 200ms downinter 1s fall 2 rise 1",
    "    default-server on-marked-down shutdown-sessions",
)
"""Lines of a section: how often servers are checked, and that a failed server loses its connections."""
_MAX_CONNECTIONS = 20_000


def global_section() -> list[str]:
    """Return the lines of the section `global`."""
    return [
        "global",
        # haproxy logs state changes of servers to standard error (the journal), but no connections.
        f"    maxconn {_MAX_CONNECTIONS}",
        # A host may allow fewer open files than maxconn needs. Then haproxy serves fewer connections.
        "    no strict-limits",
        # After a reload the old process keeps its connections, but it no longer checks servers.
        "    hard-stop-after 10m",
    ]


def defaults_section() -> list[str]:
    """Return the lines of the section `defaults`."""
    return [
        "defaults",
        "    timeout connect 2s",
        "    timeout check 2s",
        # Watches are idle while nothing changes. A short timeout would end them.
        "    timeout client 24h",
        "    timeout server 24h",
        "    timeout tunnel 24h",
        "    option clitcpka",
        "    option srvtcpka",
    ]


def haproxy_unit(name: str, description: str, configuration: str) -> Unit:
    """Return a unit of haproxy with the configuration file at the path `configuration`."""
    program = f"{HAPROXY}/haproxy"
    return Unit(
        name=name,
        description=description,
        command=(program, "-Ws", "-f", configuration),
        after=("network.target", "kubewright-firewall.service"),
        type="notify",
        restart_seconds=1,
        service=(
            "User=haproxy",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            f"ExecReload={program} -c -q -f {configuration}",
            "ExecReload=/bin/sh -c 'kill -USR2 $MAINPID'",
            "KillMode=mixed",
            "SuccessExitStatus=143",
            f"LimitNOFILE={3 * _MAX_CONNECTIONS}",
            "OOMScoreAdjust=-900",
            *sandbox(capabilities=("CAP_NET_BIND_SERVICE",)),
        ),
    )
