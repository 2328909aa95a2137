"""Component of the metrics gateway of a host [H4], which serves the metrics of its programs to Prometheus.

The gateway is haproxy. It serves the metrics of the programs that listen on loopback, over TLS, to Prometheus
alone: it checks the name in the certificate of the client. Therefore the programs keep their addresses on
loopback, and etcd needs no certificate that would also open its data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.haproxy import HAPROXY, HAPROXY_USER, haproxy_unit
from nodeconfig.kubeconfig import authority_file, certificate_files
from topology.certificates import KUBERNETES_CA
from topology.cilium import METRICS_PORT as CILIUM_METRICS_PORT
from topology.dns import NodeCache
from topology.model import Role, Topology
from topology.monitoring import PROMETHEUS_USER, WORKER_GATEWAY, gateway_certificate
from topology.ports import (
    CONTROLLER_MANAGER_PORT,
    CSR_APPROVER_METRICS_PORT,
    DNS_CACHE_METRICS_PORTS,
    ETCD_METRICS_PORT,
    HOST_METRICS_PORT,
    LOAD_BALANCER_HEALTH_PORT,
    NETWORK_POLICY_METRICS_PORT,
    NODE_EXPORTER_PORT,
    PROXY_METRICS_PORT,
    SCHEDULER_PORT,
)

GATEWAY_UNIT = "metrics-gateway.service"
_DIRECTORY = "/etc/metrics-gateway"
_CONFIG = f"{_DIRECTORY}/haproxy.cfg"
GATEWAY_PKI = f"{_DIRECTORY}/pki"
_OWNER = "haproxy:haproxy"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Metrics of a program on loopback, at a path of the gateway, from hosts with one of the roles.

    With `tls`, the program authenticates the token in the request by the API.
    """

    path: str
    roles: tuple[Role, ...]
    port: int
    tls: bool = False


def endpoints(topology: Topology) -> tuple[Endpoint, ...]:
    """Return the endpoints of the gateways of a cluster."""
    network = topology.network
    found = [
        Endpoint("node-exporter", tuple(Role), NODE_EXPORTER_PORT),
        Endpoint("etcd", (Role.ETCD,), ETCD_METRICS_PORT),
        Endpoint("controller-manager", (Role.CONTROL_PLANE,), CONTROLLER_MANAGER_PORT, tls=True),
        Endpoint("scheduler", (Role.CONTROL_PLANE,), SCHEDULER_PORT, tls=True),
        Endpoint("csr-approver", (Role.CONTROL_PLANE,), CSR_APPROVER_METRICS_PORT),
        Endpoint("haproxy", (Role.LOAD_BALANCER,), LOAD_BALANCER_HEALTH_PORT),
    ]
    if network.has_kube_proxy:
        found.append(Endpoint("kube-proxy", (Role.NODE,), PROXY_METRICS_PORT))
    if network.cilium is not None:
        found.append(Endpoint("cilium", (Role.NODE,), CILIUM_METRICS_PORT))
    if network.enforces_policies:
        found.append(Endpoint("kube-router", (Role.NODE,), NETWORK_POLICY_METRICS_PORT))
    if topology.dns.node_cache is not NodeCache.NONE:
        found += [
            Endpoint(f"dns-cache-{number}", (Role.NODE,), port)
            for number, port in enumerate(DNS_CACHE_METRICS_PORTS, start=1)
        ]
    return tuple(found)


def gateway_component(topology: Topology, roles: frozenset[Role], machine: str) -> Component:
    """Return the gateway of a host with these roles. `machine` is its name; workers need none."""
    certificate = WORKER_GATEWAY if roles == {Role.NODE} else gateway_certificate(machine)
    secrets = (
        authority_file(KUBERNETES_CA, GATEWAY_PKI, _OWNER),
        *certificate_files(certificate, GATEWAY_PKI, "server", _OWNER),
    )
    unit = haproxy_unit(GATEWAY_UNIT, "Gateway of the metrics of this host", _CONFIG)
    config = File(_CONFIG, gateway_configuration(topology, roles))
    service = Service(
        unit.name,
        reload=True,
        restart_on=(HAPROXY, config.path, *(secret.path for secret in secrets)),
        ready=f"{HAPROXY}/haproxy -c -q -f {_CONFIG} && listens {HOST_METRICS_PORT}",
    )
    return Component(
        files=(HAPROXY_USER, config, unit.file()),
        secrets=secrets,
        artifacts=(("haproxy", HAPROXY),),
        services=(service,),
        directories=(File(_DIRECTORY, "", mode=0o755), File(GATEWAY_PKI, "", mode=0o755)),
    )


def gateway_configuration(topology: Topology, roles: Iterable[Role], *, directory: str = GATEWAY_PKI) -> str:
    """Return the haproxy configuration of the gateway of a host with these roles. `directory` has its
    certificate and its authority.
    """
    own_roles = frozenset(roles)
    own = [endpoint for endpoint in endpoints(topology) if own_roles.intersection(endpoint.roles)]
    paths = " ".join(f"/{endpoint.path}" for endpoint in own)
    lines = [
        "global",
        "    maxconn 200",
        "    no strict-limits",
        "    hard-stop-after 30s",
        # The key is in the file server.key, beside server.crt.
        "    ssl-load-extra-del-ext",
        "",
        "defaults",
        "    mode http",
        "    timeout connect 2s",
        "    timeout http-request 5s",
        "    timeout client 30s",
        "    timeout server 30s",
        "",
        "frontend metrics",
        f"    bind 0.0.0.0:{HOST_METRICS_PORT} ssl crt {directory}/server.crt ssl-min-ver TLSv1.2"
        f" ca-file {directory}/{KUBERNETES_CA}.crt verify required",
        f"    http-request deny deny_status 403 unless {{ ssl_c_s_dn(CN) -m str {PROMETHEUS_USER} }}",
        "    http-request deny deny_status 405 unless METH_GET",
        f"    http-request return status 404 unless {{ path {paths} }}",
        *(f"    use_backend {endpoint.path} if {{ path /{endpoint.path} }}" for endpoint in own),
    ]
    for endpoint in own:
        lines += ["", f"backend {endpoint.path}", "    http-request set-path /metrics"]
        if not endpoint.tls:
            # The token of Prometheus is only for programs that check it.
            lines.append("    http-request del-header Authorization")
        lines.append(f"    server local 127.0.0.1:{endpoint.port}{_tls(endpoint, directory)}")
    return "\n".join(lines) + "\n"


def _tls(endpoint: Endpoint, directory: str) -> str:
    if not endpoint.tls:
        return ""
    return f" ssl verify required verifyhost localhost ca-file {directory}/{KUBERNETES_CA}.crt"
