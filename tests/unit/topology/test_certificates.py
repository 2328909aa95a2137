"""Tests of the certificate table: names, authorities and minimal usages."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from assembly import build_topology
from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, TWO_WORKERS, with_edits
from topology.certificates import (
    ETCD_CA,
    FRONT_PROXY_CA,
    KUBELET_SERVING_CA,
    KUBERNETES_CA,
    Leaf,
    authorities,
    leaves,
    signing_name,
    trusted_names,
)
from topology.model import Role
from topology.rotations import Certificates, Rotation, unrecorded_rotation

TOPOLOGY = build_topology(load(with_edits(HIGHLY_AVAILABLE, {"api.names": ["api.example", "203.0.113.5"]})))
LEAVES = {leaf.name: leaf for leaf in leaves(TOPOLOGY)}
MEMBERS = ("cp-1", "cp-2", "cp-3")


def test_certificate_names_are_stable() -> None:
    clients = "apiserver-kubelet-client apiserver-etcd-client front-proxy-client kube-proxy"
    others = "csr-approver admin controller-manager scheduler metrics-server etcd-operator"
    members = [f"{kind}-{member}" for kind in ("apiserver", "etcd-server", "etcd-peer") for member in MEMBERS]
    assert set(LEAVES) == {*clients.split(), *others.split(), *members}
    assert len(leaves(TOPOLOGY)) == len(LEAVES)


def test_cluster_has_four_authorities() -> None:
    names = {authority.name for authority in authorities(TOPOLOGY)}
    assert names == {KUBERNETES_CA, ETCD_CA, FRONT_PROXY_CA, KUBELET_SERVING_CA}
    # The controller manager signs the certificates of kubelets.
    assert {leaf.authority for leaf in LEAVES.values()} == names - {KUBELET_SERVING_CA}
    assert {authority.years for authority in authorities(TOPOLOGY)} == {10}
    assert {leaf.years for leaf in LEAVES.values()} == {1}


def test_hosts_without_a_record_have_the_first_generations() -> None:
    assert unrecorded_rotation("etcd") == Rotation(1, (1,))
    assert unrecorded_rotation("kubelet-serving") == Rotation(0, (0, 1))


@pytest.mark.parametrize(
    ("rotations", "signing", "trusted"),
    [
        ({}, "kubelet-serving-ca", ("kubernetes-ca", "kubelet-serving-ca")),
        ({"kubelet-serving": Rotation(0, (0, 1))}, "kubernetes-ca", ("kubernetes-ca", "kubelet-serving-ca")),
        ({"kubelet-serving": Rotation(1, (1,))}, "kubelet-serving-ca", ("kubelet-serving-ca",)),
        (
            {"kubelet-serving": Rotation(2, (1, 2))},
            "kubelet-serving-ca-2",
            ("kubelet-serving-ca", "kubelet-serving-ca-2"),
        ),
        (
            {"kubernetes": Rotation(2, (1, 2)), "kubelet-serving": Rotation(0, (0, 1))},
            "kubernetes-ca-2",
            ("kubernetes-ca", "kubernetes-ca-2", "kubelet-serving-ca"),
        ),
    ],
    ids=["default", "trust", "done", "rotated", "both"],
)
def test_kubelets_had_certificates_of_the_cluster_authority(
    rotations: dict[str, Rotation], signing: str, trusted: tuple[str, ...]
) -> None:
    topology = replace(TOPOLOGY, certificates=Certificates(rotations=tuple(rotations.items())))
    assert signing_name(topology, KUBELET_SERVING_CA) == signing
    assert trusted_names(topology, KUBELET_SERVING_CA) == trusted
    names = [authority.name for authority in authorities(topology)]
    assert sorted(names) == sorted(set(names))
    assert set(trusted) <= set(names)


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=lambda leaf: leaf.name)
def test_usages_are_minimal(leaf: Leaf) -> None:
    both = ("controller-manager", "scheduler", "etcd-server-", "etcd-peer-")
    serves = leaf.name.startswith((*both, "metrics-server")) or leaf.common_name == "kube-apiserver"
    assert leaf.server == serves
    assert leaf.client == (not serves or leaf.name.startswith(both))
    # Server certificates have names or addresses; other certificates have neither.
    assert bool(leaf.dns_names or leaf.ip_addresses) == leaf.server


def test_only_the_admin_certificate_is_in_system_masters() -> None:
    assert [leaf.name for leaf in LEAVES.values() if "system:masters" in leaf.organizations] == ["admin"]
    assert LEAVES["apiserver-kubelet-client"].organizations == ("kubewright:kubelet-api-clients",)


def test_etcd_and_front_proxy_have_separate_authorities() -> None:
    etcd_leaves = {leaf.name for leaf in LEAVES.values() if leaf.authority == ETCD_CA}
    members = {f"etcd-{kind}-{member}" for kind in ("server", "peer") for member in MEMBERS}
    assert etcd_leaves == {"apiserver-etcd-client", "etcd-operator", *members}
    assert [leaf.name for leaf in LEAVES.values() if leaf.authority == FRONT_PROXY_CA] == [
        "front-proxy-client"
    ]


def test_api_server_certificate_has_all_names() -> None:
    leaf = LEAVES["apiserver-cp-2"]
    assert leaf.dns_names == (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "cp-2",
        "api.example",
    )
    addresses = ("127.0.0.1", "10.0.0.12", "10.96.0.1", "10.0.0.100", "203.0.113.5")
    assert leaf.ip_addresses == tuple(map(IPv4Address, addresses))


def test_certificate_has_no_duplicate_names() -> None:
    topology = build_topology(
        load(with_edits(TWO_WORKERS, {"api.names": ["cp-1", "10.89.0.11", "localhost"]}))
    )
    for leaf in leaves(topology):
        assert len(set(leaf.dns_names)) == len(leaf.dns_names)
        assert len(set(leaf.ip_addresses)) == len(leaf.ip_addresses)


def test_workers_have_no_certificate() -> None:
    assert not any("w-1" in (leaf.name, *leaf.dns_names) for leaf in LEAVES.values())


def test_monitoring_has_certificates_of_its_own() -> None:
    topology = build_topology(
        load(with_edits(HIGHLY_AVAILABLE, {"addons.monitoring": {"kube_state_metrics": False}}))
    )
    added = {leaf.name: leaf for leaf in leaves(topology) if leaf.name not in LEAVES}
    members = {machine.name for machine in topology.machines if machine.roles != (Role.NODE,)}
    assert {*added} == {
        *(f"metrics-{name}" for name in members),
        *("worker-metrics", "prometheus", "alertmanager"),
    }
    assert {leaf.authority for leaf in added.values()} == {KUBERNETES_CA}
    assert {leaf.name for leaf in added.values() if leaf.client} == {"prometheus", "alertmanager"}
    assert all(leaf.server and not leaf.organizations for leaf in added.values())
    assert added["prometheus"].common_name == "kubewright:prometheus"
    assert added["metrics-cp-2"].ip_addresses == (IPv4Address("10.0.0.12"),)
    # A worker cannot take the place of a control plane, to which Prometheus sends its token.
    assert added["worker-metrics"].dns_names == ("worker-metrics",)
    assert not added["worker-metrics"].ip_addresses


def test_grafana_is_only_a_client() -> None:
    section = {"kube_state_metrics": False, "grafana": {"admin_password": "not-a-real-password"}}
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, {"addons.monitoring": section})))
    (leaf,) = [leaf for leaf in leaves(topology) if leaf.name == "grafana"]
    assert (leaf.authority, leaf.common_name) == (KUBERNETES_CA, "kubewright:grafana")
    # Alertmanager compares the name. Metrics gateways admit only the common name of Prometheus.
    assert leaf.dns_names == ("grafana.monitoring.svc",)
    assert (leaf.client, leaf.server, leaf.organizations) == (True, False, ())
