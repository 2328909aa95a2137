"""Load balancers on hosts [E1]: haproxy in front of the API servers, keepalived for the address.

haproxy knows by itself which API servers are ready. keepalived keeps the virtual address on one of
the two hosts: it leaves one whose haproxy is gone at once, and one that sees no API server when the
other sees any. With none of them there, as when the cluster is made, it stays where it is.
"""

from __future__ import annotations

from hashlib import sha256

from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import LIBRARY
from nodeconfig.kubeconfig import authority
from nodeconfig.sources import read_code
from nodeconfig.systemd import Unit
from topology.model import Member, Topology
from topology.ports import LOAD_BALANCER_HEALTH_PORT

HAPROXY = f"{LIBRARY}/haproxy"
KEEPALIVED = f"{LIBRARY}/keepalived"
_HAPROXY_CONFIG = "/etc/haproxy/haproxy.cfg"
_HAPROXY_PKI = "/etc/haproxy/pki"
_KEEPALIVED_CONFIG = "/etc/keepalived/keepalived.conf"
_INTERFACE = "/run/keepalived/interface.conf"
_FIND_INTERFACE = f"{LIBRARY}/balancer-interface"
_CHECK = f"{LIBRARY}/balancer-check"
_MOST_CONNECTIONS = 20_000


def component(topology: Topology, member: Member) -> Component:
    """A load balancer's part of its host."""
    haproxy, keepalived = _haproxy_unit(), _keepalived_unit()
    ca = _ca()
    find = File(_FIND_INTERFACE, read_code("balancer-interface.sh"), mode=0o755)
    check = File(_CHECK, _check(), mode=0o755)
    configuration = File(_HAPROXY_CONFIG, haproxy_configuration(topology))
    addresses = File(_KEEPALIVED_CONFIG, keepalived_configuration(topology, member))
    return Component(
        files=(
            File("/etc/sysusers.d/kubewright-haproxy.conf", 'u haproxy - "haproxy"\n'),
            find,
            check,
            configuration,
            addresses,
            haproxy.file(),
            keepalived.file(),
        ),
        secrets=(ca,),
        artifacts=(("haproxy", HAPROXY), ("keepalived", KEEPALIVED)),
        services=(
            Service(
                haproxy.name,
                # Its master starts its program anew on a reload: a new haproxy drops no connection either.
                reload=True,
                restart_on=(HAPROXY, configuration.path, ca.path),
                ready=f"{HAPROXY}/haproxy -c -q -f {_HAPROXY_CONFIG} && {_CHECK} live",
            ),
            Service(
                keepalived.name,
                restart_on=(KEEPALIVED, addresses.path, find.path, check.path),
                # One of the two holds the address, and its haproxy is there; the API may come later.
                ready=f"{_CHECK} address {topology.endpoint.host} {topology.endpoint.port}",
            ),
        ),
        directories=(
            File("/etc/haproxy", "", mode=0o755),
            File(_HAPROXY_PKI, "", mode=0o755),
            File("/etc/keepalived", "", mode=0o755),
        ),
    )


def haproxy_configuration(topology: Topology) -> str:
    """haproxy's configuration.

    An API server that shuts down says so on /readyz while it still serves: it gets no new connections
    and keeps those it has. One that is not ready for another reason, or does not answer, loses them
    too, so that clients go elsewhere at once. A dead host is out after 2 + 3 * 2 + 2 * 0.5 = 9 s at
    most, and a connection that finds it dead earlier is given to another one after 2 s.
    """
    servers = (
        f"    server {member.name} {member.address}:6443 verifyhost {member.name}"
        for member in topology.control_planes
    )
    lines = [
        "global",
        # What happens to servers is told on standard error, and so in the journal; connections are not.
        f"    maxconn {_MOST_CONNECTIONS}",
        # A host may allow fewer open files than that takes: fewer connections then, but a balancer.
        "    no strict-limits",
        # After a reload the old process keeps its connections, but no longer knows which servers are well.
        "    hard-stop-after 10m",
        "",
        "defaults",
        "    timeout connect 2s",
        "    timeout check 2s",
        # Watches are idle for as long as nothing happens; a short time-out would end them all the time.
        "    timeout client 24h",
        "    timeout server 24h",
        "    timeout tunnel 24h",
        "    option clitcpka",
        "    option srvtcpka",
        "",
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
        "    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes",
        '    http-check expect ! string "[-]shutdown failed" error-status L7OKC',
        "    http-check expect status 200",
        f"    default-server check check-ssl verify required ca-file {_ca().path}",
        "    default-server inter 2s fastinter 500ms downinter 1s fall 3 rise 1",
        "    default-server on-marked-down shutdown-sessions",
        *servers,
        "",
        "frontend health",
        "    mode http",
        "    timeout client 5s",
        f"    bind 127.0.0.1:{LOAD_BALANCER_HEALTH_PORT}",
        "    acl nobody nbsrv(api) lt 1",
        "    http-request return status 503 if { path /api } nobody",
        "    http-request return status 200",
    ]
    return "\n".join(lines) + "\n"


def keepalived_configuration(topology: Topology, member: Member) -> str:
    """keepalived's configuration.

    Both are alike, so the address stays where it is until it must move (`nopreempt`, which is meant for
    that, would keep it on a host whose API check fails: keepalived#2599). Peers are known by their
    addresses; whoever else sends VRRP is refused by the packet filter and by keepalived itself.
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
        f"include {_INTERFACE}",
        "",
        *_script("haproxy", "live", interval=1),
        "",
        *_script("api", "api", interval=2, weight=-50),
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
    """A number of 1 to 255 from the cluster's name: two clusters in one network hardly share one."""
    return sha256(cluster.encode()).digest()[0] % 255 + 1


def _script(name: str, path: str, *, interval: int, weight: int = 0) -> list[str]:
    """A check. Without a weight its failure takes the address away, with one it lowers the priority."""
    return [
        f"vrrp_script {name} {{",
        f'    script "{_CHECK} {path}"',
        f"    interval {interval}",
        "    timeout 3",
        "    fall 2",
        "    rise 2",
        *([f"    weight {weight}"] if weight else []),
        "}",
    ]


def _haproxy_unit() -> Unit:
    program = f"{HAPROXY}/haproxy"
    return Unit(
        name="haproxy.service",
        description="Load balancer of the Kubernetes API",
        command=(program, "-Ws", "-f", _HAPROXY_CONFIG),
        after=("network.target", "kubewright-firewall.service"),
        type="notify",
        restart_seconds=1,
        service=(
            "User=haproxy",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
            f"ExecReload={program} -c -q -f {_HAPROXY_CONFIG}",
            "ExecReload=/bin/sh -c 'kill -USR2 $MAINPID'",
            "KillMode=mixed",
            "SuccessExitStatus=143",
            f"LimitNOFILE={3 * _MOST_CONNECTIONS}",
            "OOMScoreAdjust=-900",
        ),
    )


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
            f"ExecStartPre={_FIND_INTERFACE} ${{NODE_IP}} {_INTERFACE}",
            "KillMode=mixed",
            "Nice=-10",
            "OOMScoreAdjust=-900",
        ),
    )


def _ca() -> SecretFile:
    return authority("kubernetes-ca", _HAPROXY_PKI)


def _check() -> str:
    return f"""#!/bin/sh
# balancer-check live: whether haproxy answers on this host; api: whether it has an API server;
# address HOST PORT: whether anything answers there.
case $1 in
address) exec timeout 4 {KEEPALIVED}/busybox nc -w 3 "$2" "$3" </dev/null >/dev/null ;;
*)
    url=http://127.0.0.1:{LOAD_BALANCER_HEALTH_PORT}/$1
    exec timeout 2 {KEEPALIVED}/busybox wget -q -Y off -O /dev/null "$url"
    ;;
esac
"""
