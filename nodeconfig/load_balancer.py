"""Load balancers on hosts [E1]: haproxy in front of the API servers, keepalived for the virtual address.

haproxy checks which API servers are ready. keepalived keeps the virtual address on one of the two hosts. It
moves the address at once when haproxy stops, and when this host reaches no API server while the other host
reaches an API server. When neither host reaches an API server, as during the creation of a cluster, the
address does not move.
"""

from __future__ import annotations

from hashlib import sha256

from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component
from nodeconfig.haproxy import (
    CHECKS,
    HAPROXY,
    HAPROXY_USER,
    defaults_section,
    global_section,
    haproxy_unit,
)
from nodeconfig.host_paths import LIBRARY
from nodeconfig.kubeconfig import authority_file
from nodeconfig.sources import read_code
from nodeconfig.systemd import Unit
from topology.model import Member, Topology
from topology.ports import API_PORT, LOAD_BALANCER_HEALTH_PORT

KEEPALIVED = f"{LIBRARY}/keepalived"
_HAPROXY_CONFIG = "/etc/haproxy/haproxy.cfg"
_HAPROXY_PKI = "/etc/haproxy/pki"
_KEEPALIVED_CONFIG = "/etc/keepalived/keepalived.conf"
_INTERFACE_CONFIG = "/run/keepalived/interface.conf"
_INTERFACE_PROGRAM = f"{LIBRARY}/balancer-interface"
_CHECK_PROGRAM = f"{LIBRARY}/balancer-check"


def component(topology: Topology, member: Member) -> Component:
    """Return the component of a load balancer on a host: haproxy and keepalived."""
    haproxy = haproxy_unit("haproxy.service", "Load balancer of the Kubernetes API", _HAPROXY_CONFIG)
    keepalived = _keepalived_unit()
    ca = _authority_file()
    interface_program = File(_INTERFACE_PROGRAM, read_code("balancer-interface.sh"), mode=0o755)
    check_program = File(_CHECK_PROGRAM, _check_program_text(), mode=0o755)
    haproxy_config = File(_HAPROXY_CONFIG, haproxy_configuration(topology))
    keepalived_config = File(_KEEPALIVED_CONFIG, keepalived_configuration(topology, member))
    return Component(
        files=(
            HAPROXY_USER,
            interface_program,
            check_program,
            haproxy_config,
            keepalived_config,
            haproxy.file(),
            keepalived.file(),
        ),
        secrets=(ca,),
        artifacts=(("haproxy", HAPROXY), ("keepalived", KEEPALIVED)),
        services=(
            Service(
                haproxy.name,
                # On a reload the master process starts the program again. The new haproxy drops no
                # connection.
                reload=True,
                restart_on=(HAPROXY, haproxy_config.path, ca.path),
                ready=f"{HAPROXY}/haproxy -c -q -f {_HAPROXY_CONFIG} && {_CHECK_PROGRAM} live",
            ),
            Service(
                keepalived.name,
                restart_on=(KEEPALIVED, keepalived_config.path, interface_program.path, check_program.path),
                # One of the hosts has the virtual address, and its haproxy answers. The API may start later.
                ready=f"{_CHECK_PROGRAM} address {topology.endpoint.host} {topology.endpoint.port}",
            ),
        ),
        directories=(
            File("/etc/haproxy", "", mode=0o755),
            File(_HAPROXY_PKI, "", mode=0o755),
            File("/etc/keepalived", "", mode=0o755),
        ),
    )


def haproxy_configuration(topology: Topology) -> str:
    """Return the haproxy configuration.

    An API server that shuts down reports this on /readyz while it still serves: the server gets no new
    connections and keeps its existing connections. A server that does not answer, or that is not ready for
    another reason, also loses its existing connections, so that clients reconnect immediately.

    A server that hangs is removed after at most 1 + 1 + 0.2 + 1 = 3.2 s, a server whose etcd member hangs
    after at most 1 + 1.5 + 0.2 + 1.5 = 4.2 s. A dead host refuses no connection: a new connection to the host
    goes to another server after 2 s. The check omits `etcd`, which takes 2 s for the same request as
    `etcd-readiness`.
    """
    sections = (global_section(), defaults_section(), _api_sections(topology), _health_section(topology))
    return "\n".join("\n".join(lines) + "\n" for lines in sections)


def _api_sections(topology: Topology) -> list[str]:
    servers = (
        f"    server {member.name} {member.address}:{API_PORT} verifyhost {member.name}"
        for member in topology.control_planes
    )
    return [
        "frontend kubernetes",
        "    mode tcp",
        f"    bind 0.0.0.0:{topology.endpoint.port}",
        "    default_backend api",
        "",
        "backend api",
        "    mode tcp",
        "    balance leastconn",
        "    option redispatch 1",
        "    retries 3",
        "    option httpchk",
        "    http-check send meth GET uri /readyz?exclude=etcd ver HTTP/1.1 hdr Host kubernetes",
        '    http-check expect ! string "[-]shutdown failed" error-status L7OKC',
        "    http-check expect status 200",
        f"    default-server check check-ssl verify required ca-file {_authority_file().path}",
        *CHECKS,
        *servers,
    ]


def _health_section(topology: Topology) -> list[str]:
    metrics = "    http-request use-service prometheus-exporter if { path /metrics }"
    return [
        "frontend health",
        "    mode http",
        "    timeout client 5s",
        f"    bind 127.0.0.1:{LOAD_BALANCER_HEALTH_PORT}",
        "    acl nobody nbsrv(api) lt 1",
        "    http-request return status 503 if { path /api } nobody",
        *([metrics] if topology.monitoring else []),
        "    http-request return status 200",
    ]


def keepalived_configuration(topology: Topology, member: Member) -> str:
    """Return the keepalived configuration.

    Both hosts have the same priority, so that the address moves only when necessary. (`nopreempt` is the
    option for this purpose, but it would keep the address on a host whose API check fails:
    keepalived#2599.) Peers are listed by address. The packet filter and keepalived reject VRRP packets from
    other hosts.
    """
    peers = [other for other in topology.load_balancers if other != member]
    lines = [
        "global_defs {",
        f"    router_id {member.name}",
        "    vrrp_check_unicast_src",
        "    script_user root",
        "    enable_script_security",
        "    vrrp_garp_master_repeat 3",
        "    vrrp_garp_master_delay 2",
        "    vrrp_garp_master_refresh 30",
        "}",
        "",
        f"include {_INTERFACE_CONFIG}",
        "",
        *_check_script_block("haproxy", "live", interval=1),
        "",
        *_check_script_block("api", "api", interval=2, weight=-50),
        "",
        "vrrp_instance kubernetes {",
        "    state BACKUP",
        "    interface $KUBEWRIGHT_INTERFACE",
        f"    virtual_router_id {virtual_router_id(topology.name)}",
        "    priority 100",
        "    advert_int 1",
        f"    unicast_src_ip {member.address}",
        "    unicast_peer {",
        *(f"        {peer.address}" for peer in peers),
        "    }",
        "    virtual_ipaddress {",
        f"        {topology.endpoint.host}/32 dev $KUBEWRIGHT_INTERFACE",
        "    }",
        "    track_script {",
        "        haproxy",
        "        api",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def virtual_router_id(cluster: str) -> int:
    """Return the VRRP router ID of a cluster, a number from 1 to 255 derived from a hash of its name.

    Clusters in the same network must have different router IDs; two names rarely lead to the same ID.
    """
    return sha256(cluster.encode()).digest()[0] % 255 + 1


def _check_script_block(name: str, check: str, *, interval: int, weight: int = 0) -> list[str]:
    """Return the lines of a `vrrp_script` block, which runs the check program with the argument `check`.

    A failed check releases the virtual address. With `weight`, a failed check only lowers the priority of the
    host. `interval` is in seconds.
    """
    return [
        f"vrrp_script {name} {{",
        f'    script "{_CHECK_PROGRAM} {check}"',
        f"    interval {interval}",
        "    timeout 3",
        "    fall 2",
        "    rise 2",
        *([f"    weight {weight}"] if weight else []),
        "}",
    ]


def _keepalived_unit() -> Unit:
    return Unit(
        name="keepalived.service",
        description="Virtual address of the Kubernetes API",
        command=(
            f"{KEEPALIVED}/keepalived",
            "--dont-fork",
            "--log-console",
            "--no-syslog",
            "--vrrp",
            f"--use-file={_KEEPALIVED_CONFIG}",
        ),
        after=("network.target", "kubewright-firewall.service", "haproxy.service"),
        type="notify",
        restart_seconds=1,
        service=(
            "RuntimeDirectory=keepalived",
            f"ExecStartPre={_INTERFACE_PROGRAM} ${{NODE_IP}} {_INTERFACE_CONFIG}",
            "KillMode=mixed",
            "Nice=-10",
            "OOMScoreAdjust=-900",
        ),
    )


def _authority_file() -> SecretFile:
    return authority_file("kubernetes-ca", _HAPROXY_PKI)


def _check_program_text() -> str:
    return f"""#!/bin/sh
# balancer-check live: succeeds when haproxy answers on this host; api: when haproxy has an API server;
# address HOST PORT: when a server answers at that address.
case $1 in
address) exec timeout 4 {KEEPALIVED}/busybox nc -w 3 "$2" "$3" </dev/null >/dev/null ;;
*)
    url=http://127.0.0.1:{LOAD_BALANCER_HEALTH_PORT}/$1
    exec timeout 2 {KEEPALIVED}/busybox wget -q -Y off -O /dev/null "$url"
    ;;
esac
"""
