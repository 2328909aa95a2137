"""The cluster's public key infrastructure as one table a person can read [B1]. Pure data.

`components/pki.py` makes it with pulumi-tls; `nodeconfig` refers to the results by name:
`<name>.crt` and `<name>.key`, for authorities and leaves alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from topology.model import Member, Topology

AUTHORITY_YEARS = 10
LEAF_YEARS = 1

KUBERNETES_CA = "kubernetes-ca"
ETCD_CA = "etcd-ca"
FRONT_PROXY_CA = "front-proxy-ca"

_LOOPBACK = IPv4Address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, signed by itself, valid for `years`."""

    name: str
    common_name: str
    years: int = AUTHORITY_YEARS


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate signed by an authority, for servers, clients or both, valid for `years`."""

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
    """The cluster's authorities. Their names carry the cluster's, to tell two clusters' apart."""
    return (
        Authority(KUBERNETES_CA, f"{topology.name} kubernetes-ca"),
        Authority(ETCD_CA, f"{topology.name} etcd-ca"),
        Authority(FRONT_PROXY_CA, f"{topology.name} front-proxy-ca"),
    )


def leaves(topology: Topology) -> tuple[Leaf, ...]:
    """Every leaf of the cluster; workers have none: kubelets ask for theirs themselves [B2]."""
    return (
        *(_apiserver(topology, member) for member in topology.control_planes),
        Leaf(
            "apiserver-kubelet-client",
            KUBERNETES_CA,
            "kube-apiserver-kubelet-client",
            ("kubewright:kubelet-api-clients",),
            client=True,
        ),
        Leaf("apiserver-etcd-client", ETCD_CA, "kube-apiserver-etcd-client", client=True),
        Leaf("front-proxy-client", FRONT_PROXY_CA, "front-proxy-client", client=True),
        _companion("controller-manager"),
        _companion("scheduler"),
        Leaf("kube-proxy", KUBERNETES_CA, "system:kube-proxy", client=True),
        Leaf("flannel", KUBERNETES_CA, "kubewright:flannel", client=True),
        Leaf("csr-approver", KUBERNETES_CA, "kubewright:csr-approver", client=True),
        Leaf("admin", KUBERNETES_CA, "kubewright:admin", ("system:masters",), client=True),
        Leaf(
            "metrics-server",
            KUBERNETES_CA,
            "metrics-server.kube-system.svc",
            dns_names=("metrics-server.kube-system.svc",),
            server=True,
        ),
        *(_etcd("etcd-server", member) for member in topology.etcd),
        *(_etcd("etcd-peer", member) for member in topology.etcd),
        Leaf("etcd-operator", ETCD_CA, "kubewright:etcd-operator", client=True),
    )


def _apiserver(topology: Topology, member: Member) -> Leaf:
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    names = [*service, f"kubernetes.default.svc.{topology.network.domain}", "localhost", member.name]
    addresses = [_LOOPBACK, member.address, topology.network.api_service]
    for further in (topology.endpoint.host, *topology.api_names):
        try:
            addresses.append(IPv4Address(further))
        except AddressValueError:
            names.append(further)
    return Leaf(
        f"apiserver-{member.name}",
        KUBERNETES_CA,
        "kube-apiserver",
        dns_names=tuple(dict.fromkeys(names)),
        ip_addresses=tuple(dict.fromkeys(addresses)),
        server=True,
    )


def _companion(component: str) -> Leaf:
    """A client of the API that also serves its own health and metrics, on loopback."""
    return Leaf(
        component,
        KUBERNETES_CA,
        f"system:kube-{component}",
        dns_names=("localhost",),
        ip_addresses=(_LOOPBACK,),
        server=True,
        client=True,
    )


def _etcd(kind: str, member: Member) -> Leaf:
    """etcd's server calls itself through its gateway with the same certificate; peers are both ends."""
    return Leaf(
        f"{kind}-{member.name}",
        ETCD_CA,
        f"{kind}-{member.name}",
        dns_names=("localhost", member.name),
        ip_addresses=(_LOOPBACK, member.address),
        server=True,
        client=True,
    )
