"""Compares the certificates and ports of a highly available cluster with recorded tables.

`KUBEWRIGHT_UPDATE_TABLES=1` writes `certificates.txt` and `ports.txt`; review the difference before you
commit the files. Each changed line replaces a certificate of existing clusters, or changes their firewalls.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from assembly import build_topology
from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, with_edits
from topology import certificates
from topology.certificates import Leaf
from topology.firewall_rules import port_table
from topology.model import Size, Topology
from topology.rotations import Certificates, Rotation
from topology.sizing import GIB, size_warnings

RECORDED = Path(__file__).parent


@pytest.fixture
def topology() -> Topology:
    return build_topology(load(with_edits(HIGHLY_AVAILABLE, {"api.names": ["api.example", "203.0.113.5"]})))


def recorded(name: str, text: str) -> str:
    """Return a recorded table, or record `text` as this table."""
    if os.environ.get("KUBEWRIGHT_UPDATE_TABLES"):
        (RECORDED / name).write_text(text)
    return (RECORDED / name).read_text()


def line(leaf: Leaf) -> str:
    """Return a certificate as a line of the table."""
    usages = [name for name, has in (("server", leaf.server), ("client", leaf.client)) if has is True]
    names = [*leaf.dns_names, *map(str, leaf.ip_addresses)]
    fields = (
        leaf.name,
        leaf.authority,
        leaf.common_name,
        ",".join(leaf.organizations) or "-",
        "+".join(usages) or "-",
        f"{leaf.years}y",
        ",".join(names) or "-",
    )
    return " ".join(fields)


def test_certificates_match_the_recorded_table(topology: Topology) -> None:
    text = "".join(f"{line(leaf)}\n" for leaf in certificates.leaves(topology))
    assert text == recorded("certificates.txt", text)


def test_authorities_are_named_after_the_cluster_and_the_generation(topology: Topology) -> None:
    def subjects(given: Topology) -> list[tuple[str, str, int]]:
        return [(each.name, each.common_name, each.years) for each in certificates.authorities(given)]

    others = [(name, f"ha {name}", 10) for name in ("etcd-ca", "front-proxy-ca", "kubelet-serving-ca")]
    assert subjects(topology) == [("kubernetes-ca", "ha kubernetes-ca", 10), *others]
    rotated = replace(topology, certificates=Certificates(rotations=(("kubernetes", Rotation(2, (1, 2))),)))
    second = certificates.generation_name("kubernetes-ca", 2)
    assert second != "kubernetes-ca"
    assert subjects(rotated) == [
        ("kubernetes-ca", "ha kubernetes-ca", 10),
        (second, f"ha {second}", 10),
        *others,
    ]
    assert certificates.signing_name(rotated, "kubernetes-ca") == second
    assert certificates.signing_name(rotated, "etcd-ca") == "etcd-ca"


def test_versions_of_older_pools_are_listed_once(topology: Topology) -> None:
    current = topology.versions
    older = replace(current, kubernetes="1.35.6")
    versions = ("1.35.6", "", current.kubernetes, "1.35.6")
    pools = tuple(replace(topology.pools[0], kubernetes=version) for version in versions)
    assert replace(topology, pools=pools).version_sets == (current, older)


def test_ports_match_the_recorded_table(topology: Topology) -> None:
    assert port_table(topology) == recorded("ports.txt", port_table(topology))


def test_every_small_machine_has_a_warning(topology: Topology) -> None:
    sizes = {
        "cp-1": None,
        "cp-2": Size(1, GIB),
        "lb-1": Size(1, GIB),
        "w-1": Size(2, 2 * GIB),
        "w-3": Size(0, GIB),
    }
    machines = tuple(replace(machine, size=sizes.get(machine.name)) for machine in topology.machines)
    assert size_warnings(replace(topology, machines=machines)) == [
        "host cp-2: below the size of a control-plane for lab: 1 CPUs of 2, 1 GiB memory of 2 GiB",
        "host lb-1: below the size of a load-balancer for lab: 1 CPUs of 2, 1 GiB memory of 2 GiB",
        "host w-3: below the size of a node for lab: 1 GiB memory of 2 GiB",
    ]
