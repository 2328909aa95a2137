"""Tests of which etcd members an API server uses, and of the proxy between them."""

from __future__ import annotations

from dataclasses import replace

import pytest

import nodeconfig
from assembly import build_topology
from nodeconfig import apiserver
from nodeconfig.bundle import Bundle
from nodeconfig.etcd_proxy import proxy_configuration
from settings import load
from testkit.bundles import FakeIndex, cluster
from tests.unit.nodeconfig.test_bundles import unit_flags
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.model import Member, Role, Topology


@pytest.fixture(scope="module")
def stacked() -> Topology:
    """Return a cluster with three control planes that are also the etcd members."""
    return build_topology(load(HIGHLY_AVAILABLE))


@pytest.fixture(scope="module")
def dedicated(stacked: Topology) -> Topology:
    """Return a cluster with three control planes and with three other etcd members."""
    members = cluster(etcd=3).etcd
    machines = tuple(
        replace(machine, roles=tuple(role for role in machine.roles if role is not Role.ETCD))
        for machine in stacked.machines
    )
    return replace(stacked, etcd=members, machines=machines)


def control_plane(topology: Topology, host: str) -> Bundle:
    return nodeconfig.bundles(topology, FakeIndex())[host, Role.CONTROL_PLANE]


def etcd_servers(topology: Topology, host: str) -> str:
    (member,) = [member for member in topology.control_planes if member.name == host]
    files = apiserver.component(topology, member).files
    (unit,) = [file.content for file in files if file.path.endswith("/kube-apiserver.service")]
    return unit.split("--etcd-servers=")[1].split()[0]


def first_servers(topology: Topology) -> list[str]:
    """Return the preferred etcd member of each control plane."""
    texts = [proxy_configuration(topology, member) for member in topology.control_planes]
    return [text.split("    server ")[1].split()[0] for text in texts]


def test_api_server_uses_only_the_etcd_member_of_its_host(stacked: Topology) -> None:
    for member in stacked.control_planes:
        assert etcd_servers(stacked, member.name) == f"https://{member.address}:2379"
        assert "etcd-proxy.service" not in [s.unit for s in control_plane(stacked, member.name).services]


def test_change_of_the_other_members_does_not_change_an_api_server(stacked: Topology) -> None:
    two = replace(stacked, etcd=stacked.etcd[:2])
    assert etcd_servers(two, "cp-1") == etcd_servers(stacked, "cp-1")


def test_single_control_plane_keeps_its_flags() -> None:
    flags = unit_flags(control_plane(cluster(), "cp-1"), "kube-apiserver")
    assert flags["etcd-servers"] == "https://10.9.0.11:2379"
    assert "etcd-readycheck-timeout" not in flags


def test_single_control_plane_uses_all_members_without_a_proxy_beside_its_own_member() -> None:
    single = cluster(etcd=3)
    mixed = replace(single, etcd=(Member("cp-1", single.control_planes[0].address), *single.etcd[1:]))
    urls = [f"https://{member.address}:2379" for member in mixed.etcd]
    assert etcd_servers(mixed, "cp-1") == ",".join(urls)


def test_api_server_without_a_member_uses_the_proxy(dedicated: Topology) -> None:
    bundle = control_plane(dedicated, "cp-1")
    assert etcd_servers(dedicated, "cp-1") == "https://127.0.0.1:2379"
    units = [service.unit for service in bundle.services]
    assert units.index("etcd-proxy.service") < units.index("kube-apiserver.service")
    (unit,) = [file.content for file in bundle.files if file.path.endswith("/kube-apiserver.service")]
    order = "network.target kube-apiserver-secrets.service etcd.service etcd-proxy.service"
    assert f"After={order}" in unit.splitlines()


def test_only_etcd_member_on_another_host_needs_no_proxy(dedicated: Topology) -> None:
    one = replace(dedicated, etcd=dedicated.etcd[:1])
    assert etcd_servers(one, "cp-1") == f"https://{one.etcd[0].address}:2379"


def test_control_planes_prefer_different_members(dedicated: Topology) -> None:
    assert first_servers(dedicated) == [member.name for member in dedicated.etcd]
    text = proxy_configuration(dedicated, dedicated.control_planes[0])
    assert "    balance first\n" in text
    for member in dedicated.etcd:
        assert f"    server {member.name} {member.address}:2379 verifyhost {member.name}\n" in text


def test_proxy_forwards_connections_without_reading_http(dedicated: Topology) -> None:
    """Test the mode of both sections: in HTTP mode, haproxy could not forward TLS connections."""
    _, _, sections = proxy_configuration(dedicated, dedicated.control_planes[0]).partition("frontend etcd\n")
    frontend, _, backend = sections.partition("\nbackend etcd\n")
    for section in (frontend, backend):
        assert section.splitlines()[0] == "    mode tcp"


def test_proxy_listens_only_on_loopback_and_reads_its_own_key(dedicated: Topology) -> None:
    bundle = control_plane(dedicated, "cp-1")
    text = proxy_configuration(dedicated, dedicated.control_planes[0])
    assert [line.split()[1] for line in text.splitlines() if "bind " in line] == ["127.0.0.1:2379"]
    secrets = {item.path: item for item in bundle.secrets if item.path.startswith("/etc/etcd-proxy/")}
    assert secrets["/etc/etcd-proxy/pki/client.key"].owner == "haproxy:haproxy"
    assert secrets["/etc/etcd-proxy/pki/client.key"].mode == 0o600
    (service,) = [item for item in bundle.services if item.unit == "etcd-proxy.service"]
    assert service.reload
    assert set(secrets) < set(service.restart_on)
