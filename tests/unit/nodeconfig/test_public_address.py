"""Tests of nodes behind NAT: their public address in the configuration of every component."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from nodeconfig.roles import node_artifacts
from settings import load
from testkit.bundles import FakeIndex
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.certificates import leaves
from topology.firewall_rules import rules_for
from topology.identities import inventory, reserved_addresses
from topology.model import Role, Topology
from topology.ports import KUBELET_PORT, VXLAN_PORT

CP, WORKER = "10.90.0.11", "10.90.0.21"
EDITS: dict[str, object] = {
    "metal.hosts.cp-1.public_address": CP,
    "metal.hosts.w-1.public_address": WORKER,
    "metal.hosts.w-2.address": "10.90.0.22",
}
UNIT = "/etc/systemd/system/public-address.service"


@pytest.fixture(scope="module")
def topology() -> Topology:
    return build_topology(load(with_edits(TWO_WORKERS, EDITS)))


@pytest.fixture(scope="module")
def plain() -> Topology:
    """Return the same cluster without NAT."""
    edits = {"metal.hosts.w-2.address": "10.90.0.22"}
    return build_topology(load(with_edits(TWO_WORKERS, edits)))


def contents(bundle: Bundle) -> dict[str, str]:
    return {file.path: file.content for file in bundle.files}


def changed_lines(before: Bundle, after: Bundle) -> dict[str, tuple[set[str], set[str]]]:
    """Return the lines that only one of the bundles has, by path."""
    old, new = contents(before), contents(after)
    lines = {path: (set(old.get(path, "").split("\n")), set(new.get(path, "").split("\n"))) for path in new}
    return {path: (left - right, right - left) for path, (left, right) in lines.items() if left != right}


def test_node_behind_nat_differs_only_by_its_address(
    topology: Topology, plain: Topology, index: FakeIndex
) -> None:
    role = ("w-1", Role.NODE)
    changed = changed_lines(bundles(plain, index)[role], bundles(topology, index)[role])
    server = {path for path, (_, new) in changed.items() if any(f"https://{CP}:6443" in line for line in new)}
    assert changed.keys() - server == {
        UNIT,
        "/etc/systemd/system/kubelet.service",
        "/etc/systemd/system/flanneld.service",
        "/etc/kubernetes/kube-proxy.json",
    }
    assert changed["/etc/systemd/system/kubelet.service"] == (
        {"  --node-ip=${NODE_IP}"},
        {f"  --node-ip={WORKER}"},
    )
    removed, [annotate] = changed["/etc/systemd/system/flanneld.service"]
    assert not removed
    assert annotate.endswith(f"node ${{NODE_NAME}} flannel.alpha.coreos.com/public-ip-overwrite={WORKER}")


def test_loopback_interface_has_the_public_address_before_the_kubelet_starts(
    topology: Topology, index: FakeIndex
) -> None:
    bundle = bundles(topology, index)["w-1", Role.NODE]
    assert f"ip address replace {WORKER}/32 dev lo" in contents(bundle)[UNIT]
    units = [service.unit for service in bundle.services]
    assert units.index("public-address.service") < units.index("kubelet.service")
    assert "iproute" in {artifact.name for artifact in bundle.artifacts}
    assert "iproute" in node_artifacts(topology), "the mirror of a lab does not have it"


def test_node_port_listens_at_both_addresses(topology: Topology, index: FakeIndex) -> None:
    def node_port_addresses(node: str) -> object:
        text = contents(bundles(topology, index)[node, Role.NODE])["/etc/kubernetes/kube-proxy.json"]
        return json.loads(text)["nodePortAddresses"]

    assert node_port_addresses("w-1") == ["10.89.0.0/24", "10.90.0.0/24"]
    assert node_port_addresses("w-2") == ["primary"]


def test_other_nodes_have_nothing_of_it(topology: Topology, index: FakeIndex) -> None:
    """Test that a further host behind NAT changes no other host: flannel distributes its address."""
    edits = {key: value for key, value in EDITS.items() if "w-1" not in key}
    without = build_topology(load(with_edits(TWO_WORKERS, edits | {"metal.hosts.w-1.address": "10.90.0.31"})))
    for key in (("w-2", Role.NODE), ("cp-1", Role.NODE), ("cp-1", Role.CONTROL_PLANE)):
        assert contents(bundles(topology, index)[key]) == contents(bundles(without, index)[key]), key


def test_api_has_the_public_address(topology: Topology, index: FakeIndex) -> None:
    assert topology.endpoint.url == f"https://{CP}:6443"
    [leaf] = [leaf for leaf in leaves(topology) if leaf.name == "apiserver-cp-1"]
    assert {IPv4Address("10.89.0.11"), IPv4Address(CP)} <= set(leaf.ip_addresses)
    unit = contents(bundles(topology, index)["cp-1", Role.CONTROL_PLANE])
    assert f"--advertise-address={CP}" in unit["/etc/systemd/system/kube-apiserver.service"]


def test_etcd_keeps_the_inner_address(topology: Topology, index: FakeIndex) -> None:
    unit = contents(bundles(topology, index)["cp-1", Role.ETCD])["/etc/systemd/system/etcd.service"]
    assert "https://10.89.0.11:2380" in unit
    assert CP not in unit


def test_certificates_of_a_node_have_only_its_own_addresses(topology: Topology) -> None:
    nodes = json.loads(inventory(topology, str))["nodes"]
    assert nodes == {"cp-1": ["10.89.0.11", CP], "w-1": ["10.89.0.21", WORKER], "w-2": ["10.90.0.22"]}


def test_address_of_a_host_that_is_no_node_is_reserved() -> None:
    edits = {
        "etcd": {"hosts": ["e-1"]},
        "metal.hosts.e-1": {"address": "10.89.0.31", "public_address": "10.90.0.31"},
    }
    assert {"10.89.0.31/32", "10.90.0.31/32"} <= set(
        reserved_addresses(build_topology(load(with_edits(TWO_WORKERS, edits))))
    )


def test_packet_filter_accepts_nodes_at_their_public_addresses(topology: Topology) -> None:
    rules = {rule.first: rule for rule in rules_for(topology, [Role.NODE])}
    for port in (KUBELET_PORT, VXLAN_PORT):
        assert any(IPv4Address(CP) in network for network in rules[port].networks)


def test_ssh_uses_the_public_address_unless_another_is_set() -> None:
    edits = {"metal.hosts.cp-1.ssh": {"address": "cp-1.example"}}
    metal = load(with_edits(TWO_WORKERS, EDITS | edits)).metal
    assert metal is not None
    assert [metal.connection(name).address for name in ("cp-1", "w-1", "w-2")] == [
        "cp-1.example",
        WORKER,
        "10.90.0.22",
    ]
