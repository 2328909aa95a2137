"""Tests of the facts about add-ons, which `status` prints."""

from __future__ import annotations

from typing import Any

from assembly import build_topology
from automation.operations.cluster_facts import AddOnFact, add_on_namespaces, parse_add_ons
from settings import load
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_dashboard import CORP
from tests.unit.settings.wrong_dashboard import settings as dashboard_settings
from tests.unit.settings.wrong_distribution import settings as registry_settings
from tests.unit.settings.wrong_external_dns import settings as external_dns_settings
from tests.unit.settings.wrong_logs import settings as log_settings
from tests.unit.settings.wrong_velero import settings as velero_settings

NO_SERVICES: dict[str, Any] = {"items": []}


def test_add_ons_are_parsed() -> None:
    workloads = {
        "items": [
            {
                "kind": "Deployment",
                "metadata": {"name": "coredns", "namespace": "kube-system"},
                "spec": {"replicas": 2},
                "status": {"conditions": [{"type": "Available", "status": "False", "message": "too few"}]},
            }
        ]
    }
    services = {
        "items": [
            {"metadata": {"name": "v1."}, "spec": {}},
            {
                "metadata": {"name": "v1beta1.metrics.k8s.io"},
                "spec": {"service": {"name": "metrics-server"}},
                "status": {"conditions": [{"type": "Available", "status": "True"}]},
            },
        ]
    }
    assert parse_add_ons([workloads], services) == [
        AddOnFact("api v1beta1.metrics.k8s.io", True, ""),
        AddOnFact("coredns", False, "0 of 2: too few"),
    ]


def test_add_on_of_another_namespace_has_its_namespace_in_its_name() -> None:
    speaker = {
        "kind": "DaemonSet",
        "metadata": {"name": "speaker", "namespace": "metallb-system"},
        "status": {"desiredNumberScheduled": 3, "numberAvailable": 2},
    }
    listed = [NO_SERVICES, {"items": [speaker]}]
    assert parse_add_ons(listed, NO_SERVICES) == [AddOnFact("metallb-system/speaker", False, "2 of 3")]


def test_namespace_of_metallb_is_queried_only_with_metallb() -> None:
    section = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.250"]}}}
    with_metallb = build_topology(load(with_edits(TWO_WORKERS, {"addons.load_balancer": section})))
    assert add_on_namespaces(with_metallb) == ("kube-system", "metallb-system")
    assert add_on_namespaces(build_topology(load(TWO_WORKERS))) == ("kube-system",)


def test_namespace_of_the_ingress_is_queried_only_with_an_ingress() -> None:
    section = {"pool": "workers", "sources": ["0.0.0.0/0"]}
    with_ingress = build_topology(load(with_edits(TWO_WORKERS, {"addons.ingress": section})))
    assert add_on_namespaces(with_ingress) == ("kube-system", "traefik")


def test_namespace_of_cert_manager_is_queried_only_with_cert_manager() -> None:
    with_cert_manager = build_topology(load(with_edits(TWO_WORKERS, {"addons": {"cert_manager": {}}})))
    assert add_on_namespaces(with_cert_manager) == ("kube-system", "cert-manager")


def test_namespace_of_local_storage_is_queried_only_with_local_storage() -> None:
    with_storage = build_topology(load(with_edits(TWO_WORKERS, {"storage": {"local": {}}})))
    assert add_on_namespaces(with_storage) == ("kube-system", "local-path-storage")


def test_namespace_of_the_dashboard_is_queried_only_with_the_dashboard() -> None:
    edits = {"api.oidc.corp": CORP, "addons.dashboard": dashboard_settings()}
    with_dashboard = build_topology(load(with_edits(TWO_WORKERS, edits)))
    assert add_on_namespaces(with_dashboard) == ("kube-system", "headlamp")


def test_namespace_of_external_dns_is_queried_only_with_external_dns() -> None:
    section = {"addons": {"external_dns": external_dns_settings()}}
    assert add_on_namespaces(build_topology(load(with_edits(TWO_WORKERS, section)))) == (
        "kube-system",
        "external-dns",
    )


def test_namespace_of_velero_is_queried_only_with_velero() -> None:
    section = {"addons": {"velero": velero_settings()}}
    assert add_on_namespaces(build_topology(load(with_edits(TWO_WORKERS, section)))) == (
        "kube-system",
        "velero",
    )


def test_namespace_of_keda_is_queried_only_with_keda() -> None:
    with_keda = build_topology(load(with_edits(TWO_WORKERS, {"addons": {"keda": {}}})))
    assert add_on_namespaces(with_keda) == ("kube-system", "keda")


def test_namespace_of_logs_is_queried_only_with_logs() -> None:
    section = {"addons": {"logs": log_settings()}}
    assert add_on_namespaces(build_topology(load(with_edits(TWO_WORKERS, section)))) == (
        "kube-system",
        "logs",
    )


def test_namespace_of_monitoring_is_queried_only_with_monitoring() -> None:
    with_monitoring = build_topology(load(with_edits(TWO_WORKERS, {"addons": {"monitoring": {}}})))
    assert add_on_namespaces(with_monitoring) == ("kube-system", "monitoring")


def test_namespace_of_the_registry_is_queried_only_with_a_registry() -> None:
    section = {"addons": {"registry": registry_settings()}}
    assert add_on_namespaces(build_topology(load(with_edits(TWO_WORKERS, section)))) == (
        "kube-system",
        "registry",
    )
