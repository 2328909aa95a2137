"""Tests of load balancer files and of the program that finds the network interface."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import nodeconfig
from assembly import build_topology
from nodeconfig.load_balancer import haproxy_configuration, keepalived_configuration, virtual_router_id
from nodeconfig.sources import source_path
from settings import load
from testkit.bundles import FakeIndex
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.model import Role, Topology

SCRIPT = source_path("balancer-interface.sh")
# Addresses in the byte order of the kernel on a little-endian machine.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
up0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
wide\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
near\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
far\t0009000A\t0100000A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
high\t00FEA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


@pytest.fixture
def topology() -> Topology:
    return build_topology(load(HIGHLY_AVAILABLE))


def find_interface(tmp_path: Path, address: str) -> subprocess.CompletedProcess[str]:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    command = ["sh", str(SCRIPT), address, str(tmp_path / "interface"), str(routes)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.0.2.7", "near"), ("10.0.3.7", "wide"), ("10.0.9.7", "wide"), ("192.168.254.1", "high")],
)
def test_the_interface_of_the_closest_network_is_found(tmp_path: Path, address: str, expected: str) -> None:
    assert find_interface(tmp_path, address).returncode == 0
    assert (tmp_path / "interface").read_text() == f"$KUBEWRIGHT_INTERFACE={expected}\n"


def test_an_address_outside_all_networks_is_reported(tmp_path: Path) -> None:
    result = find_interface(tmp_path, "172.16.0.1")
    assert result.returncode == 1
    assert result.stderr.startswith("172.16.0.1 is in no network of this host")
    assert not (tmp_path / "interface").exists()


def test_each_load_balancer_has_the_address_of_the_other(topology: Topology) -> None:
    first, second = topology.load_balancers
    one, other = (keepalived_configuration(topology, member) for member in (first, second))
    assert f"unicast_src_ip {first.address}" in one
    assert f"        {second.address}\n" in one.split("unicast_peer {")[1].split("}")[0]
    assert str(first.address) not in one.split("unicast_peer {")[1].split("}")[0]
    assert f"{topology.endpoint.host}/32" in one
    swapped = one.replace(f"router_id {first.name}", f"router_id {second.name}")
    swapped = swapped.replace(f"{first.address}\n", "A\n").replace(f"{second.address}\n", "B\n")
    assert swapped == other.replace(f"{second.address}\n", "A\n").replace(f"{first.address}\n", "B\n")


def test_only_a_stopped_haproxy_releases_the_address(topology: Topology) -> None:
    """In keepalived, a failed check with a weight lowers the priority of the load balancer. A failed check
    without a weight releases the virtual address.
    """
    text = keepalived_configuration(topology, topology.load_balancers[0])
    scripts = {block.split()[0]: block.split("}")[0] for block in text.split("vrrp_script ")[1:]}
    assert scripts.keys() == {"haproxy", "api"}
    assert "weight" not in scripts["haproxy"]
    assert "weight -" in scripts["api"]
    assert "nopreempt" not in text


def test_an_added_control_plane_is_one_added_line_of_haproxy(topology: Topology) -> None:
    one_control_plane = replace(topology, control_planes=topology.control_planes[:1])
    lines = set(haproxy_configuration(topology).splitlines())
    added_lines = lines - set(haproxy_configuration(one_control_plane).splitlines())
    assert len(added_lines) == 2
    assert all(line.lstrip().startswith("server cp-") and "verifyhost cp-" in line for line in added_lines)
    member = topology.load_balancers[0]
    assert keepalived_configuration(topology, member) == keepalived_configuration(one_control_plane, member)


def test_haproxy_reloads_and_keepalived_restarts(topology: Topology) -> None:
    bundle = nodeconfig.bundles(topology, FakeIndex())["lb-1", Role.LOAD_BALANCER]
    services = {service.unit: service for service in bundle.services}
    assert services["haproxy.service"].reload is True
    assert services["keepalived.service"].reload is False
    known = {item.path for item in bundle.files} | {item.path for item in bundle.secrets}
    known |= {item.path for item in bundle.artifacts}
    for service in services.values():
        assert known.issuperset(service.restart_on)


def test_load_balancers_have_no_private_key(topology: Topology) -> None:
    bundle = nodeconfig.bundles(topology, FakeIndex())["lb-1", Role.LOAD_BALANCER]
    assert bundle.secrets
    assert all(secret.secret.endswith(".crt") for secret in bundle.secrets)


def test_router_ids_are_valid_and_differ_between_clusters() -> None:
    ids = {virtual_router_id(f"cluster-{number}") for number in range(1000)}
    assert min(ids) >= 1
    assert max(ids) <= 255
    assert len(ids) > 200
    assert virtual_router_id("ha") == virtual_router_id("ha")
