"""Tests of API servers that use only the etcd member on the same host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from assembly import build_topology
from nodeconfig import etcd
from nodeconfig.bundle import Bundle, File, Service
from settings import load
from testkit.bundles import cluster
from testkit.host import PROGRAM, EmulatedHost
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.model import Member, Role, Topology

UNITS = "/etc/systemd/system"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def several_control_planes(members: int) -> Topology:
    """Return a cluster with three control planes, of which the first ones have an etcd member."""
    topology = build_topology(load(HIGHLY_AVAILABLE))
    return replace(topology, etcd=topology.etcd[:members])


def single_control_plane() -> Topology:
    """Return a cluster with one control plane, and with etcd members on it and on two other hosts."""
    topology = cluster(etcd=3)
    return replace(topology, etcd=(Member("cp-1", topology.control_planes[0].address), *topology.etcd[1:]))


def etcd_service(topology: Topology, host: str = "cp-1") -> Service:
    """Return the etcd service of a host, with a health check that always succeeds."""
    (member,) = [member for member in topology.etcd if member.name == host]
    (service,) = etcd.component(topology, member).services
    return replace(service, restart_on=(), ready="true", timeout=2)


def etcd_bundle(setting: str, service: Service) -> Bundle:
    unit = File(f"{UNITS}/etcd.service", f"[Service]\nExecStart=etcd --{setting}\n")
    return Bundle(
        role=Role.ETCD,
        program=PROGRAM,
        files=(unit,),
        secrets=(),
        artifacts=(),
        services=(service,),
    )


def api_bundle() -> Bundle:
    return Bundle(
        role=Role.CONTROL_PLANE,
        program=PROGRAM,
        files=(File(f"{UNITS}/kube-apiserver.service", "[Service]\n"),),
        secrets=(),
        artifacts=(),
        services=(Service("kube-apiserver.service", timeout=2),),
    )


@pytest.mark.parametrize(
    ("topology", "restarted"),
    [
        (several_control_planes(members=3), "kube-apiserver.service etcd.service"),
        (single_control_plane(), "etcd.service"),
        (several_control_planes(members=1), "etcd.service"),
    ],
    ids=["own member", "all members", "only member"],
)
def test_api_server_ends_before_its_only_etcd_member_restarts(
    host: EmulatedHost, topology: Topology, restarted: str
) -> None:
    """The API server is first, because systemctl requests one unit after another."""
    service = etcd_service(topology)
    host.deliver(etcd_bundle("a", service))
    host.deliver(api_bundle())
    host.deliver(etcd_bundle("b", service))
    assert host.calls()[-1] == f"restart {restarted}"


def test_etcd_restarts_alone_without_an_api_server(host: EmulatedHost) -> None:
    service = etcd_service(several_control_planes(members=3))
    host.deliver(etcd_bundle("a", service))
    host.deliver(etcd_bundle("b", service))
    assert host.calls()[-1] == "restart etcd.service"


def test_etcd_hosts_without_an_api_server_name_no_unit_that_requires_them() -> None:
    assert etcd_service(cluster(etcd=3), "e-0").required_by == ""


def test_statement_for_the_api_server_restarts_nothing(host: EmulatedHost) -> None:
    """Test the upgrade from a release without this statement."""
    service = etcd_service(several_control_planes(members=3))
    host.deliver(etcd_bundle("a", replace(service, required_by="")))
    host.deliver(api_bundle())
    host.calls()
    assert host.deliver(etcd_bundle("a", service)).stdout == "etcd unchanged\n"
    assert host.calls() == []
