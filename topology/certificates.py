"""The table of certificate authorities and certificates of a cluster [B1].

`components/pki.py` creates all certificates with pulumi-tls. `nodeconfig` uses the names of the files:
`<name>.crt` and `<name>.key` of authorities and certificates, and `<authority>-bundle.crt` with all trusted
generations of an authority. During a rotation an authority has two generations [B3].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from topology import cert_manager, distribution, keda, monitoring
from topology.model import Member, Role, Topology
from topology.rotations import SHARED_GENERATION, Rotation

AUTHORITY_YEARS = 10
LEAF_YEARS = 1

KUBERNETES_CA = "kubernetes-ca"
ETCD_CA = "etcd-ca"
FRONT_PROXY_CA = "front-proxy-ca"
KUBELET_SERVING_CA = "kubelet-serving-ca"
"""The authority of the serving certificates of kubelets. Only clients of kubelets trust it: a node that
obtains a certificate for a wrong name cannot impersonate an API server.
"""
AUTHORITIES = {
    "kubernetes": KUBERNETES_CA,
    "etcd": ETCD_CA,
    "front-proxy": FRONT_PROXY_CA,
    "kubelet-serving": KUBELET_SERVING_CA,
}
"""Names of the authorities in this table by their names in the settings."""
SERVICE_ACCOUNT = "service-account"
"""The key pair that signs tokens of service accounts; it is rotated like an authority."""

_LOOPBACK = IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Authority:
    """A generation of a certificate authority, self-signed and valid for `years`."""

    name: str
    common_name: str
    years: int = AUTHORITY_YEARS


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server or client certificate, valid for `years`.

    The signing generation of `authority` (see `signing_name`) signs the certificate. `server` and `client`
    are its extended key usages.
    """

    name: str
    authority: str
    common_name: str
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[IPv4Address, ...] = ()
    server: bool = False
    client: bool = False
    years: int = LEAF_YEARS


def authorities(topology: Topology) -> tuple[Authority, ...]:
    """Return all trusted generations of the authorities of a cluster.

    The subjects contain the name of the cluster and the generation: with equal subjects, clients could verify
    a certificate against the wrong generation.
    """
    return tuple(
        Authority(name, f"{topology.name} {name}")
        for authority in AUTHORITIES.values()
        for name in _own_generations(topology, authority)
    )


def signing_name(topology: Topology, authority: str) -> str:
    """Return the name of the signing generation of an authority or of the service account keys."""
    signing = _rotation(topology, authority).signing
    if signing == SHARED_GENERATION:
        return signing_name(topology, KUBERNETES_CA)
    return generation_name(authority, signing)


def trusted_names(topology: Topology, authority: str) -> tuple[str, ...]:
    """Return the names of the trusted generations of an authority or of the service account keys, oldest
    first.

    The shared generation of `kubelet-serving` stands for the trusted generations of `kubernetes`.
    """
    shared = SHARED_GENERATION in _rotation(topology, authority).trusted
    before = trusted_names(topology, KUBERNETES_CA) if shared else ()
    return (*before, *_own_generations(topology, authority))


def _own_generations(topology: Topology, authority: str) -> tuple[str, ...]:
    """Return the names of the trusted generations of an authority, without the shared generation."""
    numbers = _rotation(topology, authority).trusted
    return tuple(generation_name(authority, number) for number in numbers if number != SHARED_GENERATION)


def generation_name(name: str, number: int) -> str:
    """Return the name of generation `number` of an authority: `etcd-ca` for 1, `etcd-ca-2` for 2."""
    return name if number == 1 else f"{name}-{number}"


def rsa_key_names(topology: Topology) -> tuple[str, ...]:
    """Return the names of the trusted service account keys that are RSA keys; the others are ECDSA keys."""
    first = topology.certificates.rsa_from
    if first is None:
        return ()
    numbers = _rotation(topology, SERVICE_ACCOUNT).trusted
    return tuple(generation_name(SERVICE_ACCOUNT, number) for number in numbers if number >= first)


def trust_bundle(authority: str) -> str:
    """Return the name, without `.crt`, of the file with all trusted generations of an authority."""
    return f"{authority}-bundle"


def _rotation(topology: Topology, authority: str) -> Rotation:
    """Return the generations of an authority of this table or of the service account keys."""
    return topology.certificates.rotation(authority.removesuffix("-ca"))


def leaves(topology: Topology) -> tuple[Leaf, ...]:
    """Return all leaves except those of kubelets, which request their certificates from the API [B2]."""
    return (
        *(_apiserver_leaf(topology, member) for member in topology.control_planes),
        Leaf(
            "apiserver-kubelet-client",
            KUBERNETES_CA,
            "kube-apiserver-kubelet-client",
            ("kubewright:kubelet-api-clients",),
            client=True,
        ),
        Leaf("apiserver-etcd-client", ETCD_CA, "kube-apiserver-etcd-client", client=True),
        Leaf("front-proxy-client", FRONT_PROXY_CA, "front-proxy-client", client=True),
        _loopback_server_leaf("controller-manager"),
        _loopback_server_leaf("scheduler"),
        Leaf("kube-proxy", KUBERNETES_CA, "system:kube-proxy", client=True),
        Leaf("csr-approver", KUBERNETES_CA, "kubewright:csr-approver", client=True),
        Leaf("admin", KUBERNETES_CA, "kubewright:admin", ("system:masters",), client=True),
        Leaf(
            "metrics-server",
            KUBERNETES_CA,
            "metrics-server.kube-system.svc",
            dns_names=("metrics-server.kube-system.svc",),
            server=True,
        ),
        *((_webhook_leaf(),) if topology.cert_manager else ()),
        *(_keda_leaves() if topology.keda else ()),
        *_monitoring_leaves(topology),
        *_registry_leaves(topology),
        *(_etcd_member_leaf("etcd-server", member) for member in topology.etcd),
        *(_etcd_member_leaf("etcd-peer", member) for member in topology.etcd),
        Leaf("etcd-operator", ETCD_CA, "kubewright:etcd-operator", client=True),
    )


def _webhook_leaf() -> Leaf:
    """Return the server certificate of cert-manager's admission webhook."""
    name = f"{cert_manager.WEBHOOK}.{cert_manager.NAMESPACE}.svc"
    return Leaf(cert_manager.WEBHOOK, KUBERNETES_CA, name, dns_names=(name,), server=True)


def _keda_leaves() -> Iterator[Leaf]:
    """Yield the server certificates of KEDA. The server of metrics is also a client of the operator."""
    for program in keda.PROGRAMS:
        name = keda.service_name(program)
        is_client = program == keda.METRICS_SERVER
        yield Leaf(program, KUBERNETES_CA, name, dns_names=(name,), server=True, client=is_client)


def _monitoring_leaves(topology: Topology) -> tuple[Leaf, ...]:
    """Return the certificates of monitoring: of its pods, and of the metrics gateways of hosts.

    Workers share a certificate, because the number of certificates must not grow with the number of nodes.
    """
    data = topology.monitoring
    if data is None:
        return ()
    gateways = tuple(
        Leaf(
            monitoring.gateway_certificate(machine.name),
            KUBERNETES_CA,
            monitoring.gateway_certificate(machine.name),
            dns_names=(machine.name,),
            ip_addresses=tuple(dict.fromkeys((machine.address, machine.member.node_address))),
            server=True,
        )
        for machine in topology.machines
        if machine.roles != (Role.NODE,)
    )
    worker = monitoring.WORKER_GATEWAY
    workers = Leaf(worker, KUBERNETES_CA, worker, dns_names=(worker,), server=True)
    states = (monitoring.STATE_METRICS,) if data.state_metrics else ()
    return (
        *gateways,
        *((workers,) if topology.has_workers else ()),
        _pod_leaf(monitoring.PROMETHEUS, monitoring.PROMETHEUS_USER, client=True),
        _pod_leaf(monitoring.ALERTMANAGER, f"kubewright:{monitoring.ALERTMANAGER}", client=True),
        *(_pod_leaf(name, f"kubewright:{name}") for name in states),
        *(_client_leaves(monitoring.GRAFANA) if data.grafana else ()),
    )


def _pod_leaf(name: str, common_name: str, *, client: bool = False) -> Leaf:
    """Return the certificate of a service of monitoring."""
    names = (monitoring.service_name(name),)
    return Leaf(name, KUBERNETES_CA, common_name, dns_names=names, server=True, client=client)


def _client_leaves(name: str) -> Iterator[Leaf]:
    """Yield the certificate of a client of Prometheus and Alertmanager, which check its name."""
    names = (monitoring.service_name(name),)
    yield Leaf(name, KUBERNETES_CA, f"kubewright:{name}", dns_names=names, client=True)


def _registry_leaves(topology: Topology) -> tuple[Leaf, ...]:
    """Return the server certificate of the registry unless an issuer of cert-manager signs it."""
    registry = topology.distribution
    if registry is None or registry.issuer:
        return ()
    names = registry.dns_names(topology.network.domain)
    address = registry.address
    leaf = Leaf(
        distribution.CERTIFICATE,
        KUBERNETES_CA,
        names[0],
        dns_names=names,
        ip_addresses=(address,),
        server=True,
    )
    return (leaf,)


def _apiserver_leaf(topology: Topology, member: Member) -> Leaf:
    """Return the server certificate of an API server, with all names and addresses of the API."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    names = [*service, f"kubernetes.default.svc.{topology.network.domain}", "localhost", member.name]
    addresses = [_LOOPBACK, member.address, member.node_address, topology.network.api_service]
    for host in (topology.endpoint.host, *topology.api_names):
        try:
            addresses.append(IPv4Address(host))
        except AddressValueError:
            names.append(host)
    return Leaf(
        f"apiserver-{member.name}",
        KUBERNETES_CA,
        "kube-apiserver",
        dns_names=tuple(dict.fromkeys(names)),
        ip_addresses=tuple(dict.fromkeys(addresses)),
        server=True,
    )


def _loopback_server_leaf(component: str) -> Leaf:
    """Return the certificate of an API client that also serves health and metrics on loopback."""
    return Leaf(
        component,
        KUBERNETES_CA,
        f"system:kube-{component}",
        dns_names=("localhost",),
        ip_addresses=(_LOOPBACK,),
        server=True,
        client=True,
    )


def _etcd_member_leaf(kind: str, member: Member) -> Leaf:
    """Return a certificate with which an etcd member is both a server and a client.

    `kind` is `etcd-server` or `etcd-peer`. The gateway of etcd and the connections between peers use the
    certificate as a client, too.
    """
    return Leaf(
        f"{kind}-{member.name}",
        ETCD_CA,
        f"{kind}-{member.name}",
        dns_names=("localhost", member.name),
        ip_addresses=(_LOOPBACK, member.address),
        server=True,
        client=True,
    )
