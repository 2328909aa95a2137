"""Tests of the metrics of hosts: the gateway of each role, and what its unit sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from artifacts.mirror import optional_artifacts
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from nodeconfig.host_metrics import EXPORTER_UNIT, TIMER
from nodeconfig.load_balancer import haproxy_configuration
from nodeconfig.metrics_gateway import GATEWAY_UNIT, endpoints, gateway_configuration
from testkit.bundles import FakeIndex, cluster
from topology.model import Role, Topology

UNITS = {EXPORTER_UNIT, GATEWAY_UNIT, TIMER}


def monitored(**options: Any) -> Topology:  # noqa: ANN401 - settings
    sections = {"addons": {"monitoring": {}}, **options.pop("sections", {})}
    return cluster(sections=sections, **options)


def metrics_units(bundle: Bundle) -> set[str]:
    return {service.unit for service in bundle.services} & UNITS


def test_every_host_has_one_gateway() -> None:
    found = bundles(monitored(etcd=3), FakeIndex())
    hosts: dict[str, list[set[str]]] = {}
    for (host, _), bundle in found.items():
        hosts.setdefault(host, []).append(metrics_units(bundle))
    assert {"cp-1", "w-1", "e-0"} <= hosts.keys()
    for units in hosts.values():
        # The bundle of the first role configures the host.
        assert units[0] == UNITS
        assert not any(units[1:])


def test_cluster_without_monitoring_receives_the_same() -> None:
    plain, other = bundles(cluster(etcd=3), FakeIndex()), bundles(monitored(etcd=3), FakeIndex())
    for key, bundle in plain.items():
        assert not metrics_units(bundle)
        before = {file.path: file.content for file in bundle.files}
        after = {file.path: file.content for file in other[key].files}
        changed = {path for path, content in before.items() if after[path] != content}
        # Only the packet filter changes: no service of the cluster restarts.
        assert changed <= {"/etc/kubewright/firewall.nft"}
    assert optional_artifacts(cluster()) == ()
    assert {*optional_artifacts(monitored())} == {"node_exporter", "cfssl-certinfo"}


def test_members_have_metrics_of_the_copies_and_trial_restores_in_the_settings() -> None:
    built = monitored()
    settings = replace(built.snapshots, copy_to="/mnt/nas", verify="daily")
    found = bundles(replace(built, snapshots=settings), FakeIndex())
    units = {
        name: file.content
        for (name, _), bundle in found.items()
        for file in bundle.files
        if file.path.endswith("/host-metrics.service")
    }
    members = {member.name for member in built.etcd}
    assert 0 < len(members) < len(units)
    for name, text in units.items():
        assert ('Environment="COPY_TARGETS=copy_to"' in text) is (name in members)
        assert ('Environment="TRIAL_RESTORES=yes"' in text) is (name in members)


def test_hosts_have_the_certificates_of_their_gateways() -> None:
    found = bundles(monitored(etcd=3), FakeIndex())
    for host, role, certificate in (
        ("cp-1", Role.CONTROL_PLANE, "metrics-cp-1"),
        ("e-1", Role.ETCD, "metrics-e-1"),
        ("w-1", Role.NODE, "worker-metrics"),
    ):
        own = [file for file in found[host, role].secrets if file.path.startswith("/etc/metrics-gateway/")]
        assert {file.secret for file in own} == {
            *(f"{certificate}.crt", f"{certificate}.key", "kubernetes-ca-bundle.crt")
        }
        assert {file.owner for file in own} == {"haproxy:haproxy"}
        [key] = [file for file in own if file.secret.endswith(".key")]
        assert key.mode == 0o600


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        (Role.ETCD, {"node-exporter", "etcd"}),
        (Role.CONTROL_PLANE, {"node-exporter", "controller-manager", "scheduler", "csr-approver"}),
        (Role.NODE, {"node-exporter", "kube-proxy", "kube-router"}),
        (Role.LOAD_BALANCER, {"node-exporter", "haproxy"}),
    ],
)
def test_gateway_serves_the_programs_of_its_roles(role: Role, paths: set[str]) -> None:
    lines = gateway_configuration(monitored(), [role]).splitlines()
    assert {line.split()[1] for line in lines if line.startswith("backend ")} == paths
    used = {line.split()[1] for line in lines if line.strip().startswith("use_backend ")}
    assert used == paths


def test_gateway_checks_the_certificate_of_prometheus() -> None:
    lines = [line.strip() for line in gateway_configuration(monitored(), [Role.NODE]).splitlines()]
    [bind] = [line for line in lines if line.startswith("bind ")]
    assert "verify required" in bind
    deny = "http-request deny deny_status 403 unless { ssl_c_s_dn(CN) -m str kubewright:prometheus }"
    assert lines.index(bind) + 1 == lines.index(deny)


def test_token_of_prometheus_reaches_only_programs_that_check_it() -> None:
    topology = monitored()
    sections = gateway_configuration(topology, list(Role)).split("\nbackend ")[1:]
    kept = {text.split("\n")[0] for text in sections if "del-header Authorization" not in text}
    assert kept == {endpoint.path for endpoint in endpoints(topology) if endpoint.tls}
    assert kept == {"controller-manager", "scheduler"}
    assert all("verify required" in text for text in sections if text.split("\n")[0] in kept)


def test_cilium_and_the_dns_cache_have_endpoints() -> None:
    of_cilium = monitored(cni="cilium")
    assert "cilium" in {endpoint.path for endpoint in endpoints(of_cilium)}
    assert "kube-router" not in {endpoint.path for endpoint in endpoints(of_cilium)}
    cached = monitored(sections={"dns": {"node_cache": "used"}})
    assert {"dns-cache-1", "dns-cache-2"} <= {endpoint.path for endpoint in endpoints(cached)}


def test_load_balancer_shows_its_metrics_only_with_monitoring() -> None:
    line = "    http-request use-service prometheus-exporter if { path /metrics }\n"
    with_metrics, without = haproxy_configuration(monitored()), haproxy_configuration(cluster())
    assert with_metrics.replace(line, "") == without
    # The other rule answers every request.
    assert with_metrics.index(line) < with_metrics.index("    http-request return status 200\n")
