"""The proxy of etcd on control planes without an etcd member: haproxy between the API server and etcd.

The client of etcd in the API server needs 40 s to notice a member that accepts connections and does not
answer. The proxy checks the members. It ends the connections to a member that does not answer, and the client
connects again, to another member.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.haproxy import (
    CHECKS,
    HAPROXY,
    HAPROXY_USER,
    defaults_section,
    global_section,
    haproxy_unit,
)
from nodeconfig.kubeconfig import authority_file, certificate_files
from topology.model import Member, Topology
from topology.ports import ETCD_CLIENT_PORT

ETCD_PROXY_UNIT = "etcd-proxy.service"
_DIRECTORY = "/etc/etcd-proxy"
_CONFIG = f"{_DIRECTORY}/haproxy.cfg"
_PKI = f"{_DIRECTORY}/pki"
_OWNER = "haproxy:haproxy"


def needs_proxy(topology: Topology, member: Member) -> bool:
    """Check whether a control plane has the proxy: etcd has several members, and none is on this host."""
    return len(topology.etcd) > 1 and member.name not in {other.name for other in topology.etcd}


def component(topology: Topology, member: Member) -> Component:
    """Return the component of the proxy on a control plane; empty if the control plane needs no proxy."""
    if not needs_proxy(topology, member):
        return Component()
    config = File(_CONFIG, proxy_configuration(topology, member))
    unit = haproxy_unit(ETCD_PROXY_UNIT, "Proxy of the etcd members", _CONFIG)
    secrets = (
        authority_file("etcd-ca", _PKI, _OWNER),
        *certificate_files("apiserver-etcd-client", _PKI, "client", _OWNER),
    )
    watched = (HAPROXY, config.path, *(secret.path for secret in secrets))
    ready = f"{HAPROXY}/haproxy -c -q -f {_CONFIG} && listens {ETCD_CLIENT_PORT}"
    return Component(
        files=(HAPROXY_USER, config, unit.file()),
        secrets=secrets,
        artifacts=(("haproxy", HAPROXY),),
        services=(Service(unit.name, reload=True, restart_on=watched, ready=ready),),
        directories=(File(_DIRECTORY, "", mode=0o755), File(_PKI, "", mode=0o755)),
    )


def proxy_configuration(topology: Topology, member: Member) -> str:
    """Return the haproxy configuration of a control plane.

    All connections go to one member while it answers, on each control plane to another member. A member that
    hangs is removed after at most 1 + 1.5 + 0.2 + 1.5 = 4.2 s. This is longer than an election of a leader,
    during which no member answers the check.
    """
    number = [other.name for other in topology.control_planes].index(member.name) % len(topology.etcd)
    members = (*topology.etcd[number:], *topology.etcd[:number])
    # The key is in the file client.key, beside client.crt.
    global_lines = [*global_section(), "    ssl-load-extra-del-ext"]
    sections = (global_lines, defaults_section(), _etcd_sections(members))
    return "\n".join("\n".join(lines) + "\n" for lines in sections)


def _etcd_sections(members: tuple[Member, ...]) -> list[str]:
    servers = (
        f"    server {member.name} {member.address}:{ETCD_CLIENT_PORT} verifyhost {member.name}"
        for member in members
    )
    return [
        "frontend etcd",
        "    mode tcp",
        f"    bind 127.0.0.1:{ETCD_CLIENT_PORT}",
        "    default_backend etcd",
        "",
        "backend etcd",
        "    mode tcp",
        "    balance first",
        "    option redispatch 1",
        "    retries 3",
        "    timeout check 1500ms",
        "    option httpchk",
        "    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host etcd",
        "    http-check expect status 200",
        f"    default-server check check-ssl verify required ca-file {_PKI}/etcd-ca.crt",
        f"    default-server crt {_PKI}/client.crt",
        *CHECKS,
        *servers,
    ]
