"""From what hosts say to what is wrong."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from testkit.bundles import cluster

from automation.operations import facts, status
from automation.operations.cluster_facts import AddOnFact, NodeFact, add_ons, nodes
from automation.operations.facts import CertificateFact, DiskFact, EtcdFact, HostFacts, ServiceFact
from automation.operations.health import Finding, Observed, findings
from topology.model import Role

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOPOLOGY = cluster(etcd=3, workers=1)
ETCD = EtcdFact(
    healthy=True,
    leader=False,
    version="3.7.3",
    members=tuple((member.name, False) for member in TOPOLOGY.etcd),
)


def well() -> Observed:
    """A cluster in which nothing is wrong."""
    hosts: dict[str, HostFacts | str] = {}
    for machine in TOPOLOGY.machines:
        hosts[machine.name] = HostFacts(
            name=machine.name,
            roles=tuple((role.value, True) for role in machine.roles),
            services=(ServiceFact("a.service", "active", "success", 0),),
            disks=(DiskFact("/", 40, 3, 10**9),),
            memory_total=2**32,
            memory_available=2**31,
            etcd=replace(ETCD, leader=machine.name == "e-0") if Role.ETCD in machine.roles else None,
            api="ok" if Role.CONTROL_PLANE in machine.roles else None,
            certificates=(CertificateFact("/x.crt", "CN=x", NOW + timedelta(days=300)),),
        )
    there = [machine.name for machine in TOPOLOGY.machines if Role.NODE in machine.roles]
    return Observed(
        hosts=hosts,
        nodes=[NodeFact(name, True, "", "1.36.3", True) for name in there],
        add_ons=[AddOnFact("coredns", True, "2 of 2")],
        now=NOW,
    )


def changed(host: str, **change: object) -> Observed:
    observed = well()
    found = observed.facts[host]
    return replace(observed, hosts={**observed.hosts, host: replace(found, **change)})  # type: ignore[arg-type]


def found(observed: Observed) -> list[Finding]:
    return findings(TOPOLOGY, observed)


def test_nothing_is_wrong_with_a_cluster_that_is_well() -> None:
    assert found(well()) == []


def lost(*names: str) -> Observed:
    observed = well()
    return replace(observed, hosts={**observed.hosts, **dict.fromkeys(names, "No route to host")})


@pytest.mark.parametrize(
    ("observed", "where", "phrase", "serious"),
    [
        (lost("w-1"), "w-1", "cannot be reached: No route to host", True),
        (lost("e-1", "e-2"), "etcd", "no quorum: 1 of 3", True),
        (changed("w-1", roles=()), "w-1", "role node is not installed", True),
        (changed("w-1", roles=(("node", False),)), "w-1", "role node was never finished", True),
        (
            changed("w-1", disks=(DiskFact("/var", 97, 1, 0),)),
            "w-1",
            "disk full: 97% of the space at /var",
            True,
        ),
        (changed("w-1", disks=(DiskFact("/", 2, 99, 9),)), "w-1", "disk full: 99% of the inodes", True),
        (changed("w-1", disks=(DiskFact("/", 88, 1, 9),)), "w-1", "disk filling: 88%", False),
        (
            changed("w-1", services=(ServiceFact("b.service", "failed", "exit-code", 3, ("no space",)),)),
            "w-1",
            "b.service is failed (exit-code): no space",
            True,
        ),
        (changed("w-1", memory_available=2**20), "w-1", "memory: 1 MiB of 4096", False),
        (
            changed("w-1", certificates=(CertificateFact("/y.crt", "", NOW + timedelta(days=20)),)),
            "w-1",
            "/y.crt expires in 20 days",
            False,
        ),
        (
            changed("w-1", certificates=(CertificateFact("/y.crt", "", NOW - timedelta(days=1)),)),
            "w-1",
            "/y.crt has expired",
            True,
        ),
        (
            changed("cp-1", api="[+]ping ok [-]etcd failed: reason withheld [-]poststarthook/x failed"),
            "cp-1",
            "API server is not ready: failed: etcd, poststarthook/x",
            True,
        ),
        (changed("cp-1", api="refused"), "cp-1", "API server is not ready: refused", True),
        (changed("e-1", etcd=replace(ETCD, healthy=False)), "e-1", "not healthy", True),
        (changed("e-1", etcd=replace(ETCD, alarms=("NOSPACE",))), "e-1", "etcd alarm: NOSPACE", True),
        (changed("e-1", etcd=replace(ETCD, version="3.6.16")), "etcd", "different versions", False),
        (
            changed("e-1", etcd=replace(ETCD, members=(*ETCD.members, ("e-9", False)))),
            "etcd",
            "has e-9, which no configuration names",
            True,
        ),
        (replace(well(), endpoint="refused"), "endpoint", "does not answer: refused", True),
        (replace(well(), nodes=[]), "w-1", "is no node of the cluster", True),
        (replace(well(), skews={"w-1": -12.5}), "w-1", "clock is -12.5 s off", False),
        (replace(well(), add_ons=[AddOnFact("coredns", False, "0 of 2")]), "add-on", "coredns is not", True),
    ],
)
def test_what_is_wrong_is_named_with_its_cause(
    observed: Observed, where: str, phrase: str, serious: bool
) -> None:
    matching = [item for item in found(observed) if item.where == where and phrase in item.what]
    assert [item.serious for item in matching] == [serious], found(observed)


def test_the_report_shows_every_host_member_node_and_problem() -> None:
    observed = lost("w-1")
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(status.report(TOPOLOGY, observed, found(observed)))
    text = console.export_text()
    for word in ("cp-1", "e-0", "leader", "w-1", "No route to host", "error"):
        assert word in text
    console.print(status.report(TOPOLOGY, well(), []))
    assert "everything is well" in console.export_text()


def test_the_probe_runs_on_any_host_and_is_read(tmp_path: Path) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    probe = Path(status.__file__).parent / "probe.sh"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", str(probe)], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    host = facts.parse(done.stdout)
    assert host.name == os.uname().nodename
    assert abs(host.time - datetime.now(UTC).timestamp()) < 30
    assert "/" in [disk.place for disk in host.disks]
    assert host.memory_total > host.memory_available > 0


def test_a_probe_that_was_cut_off_is_no_answer() -> None:
    with pytest.raises(ValueError, match="cut off"):
        facts.parse("@time 1\n@name x\n")


def test_what_the_api_says_of_nodes_and_add_ons_is_read() -> None:
    listed = {
        "items": [
            {
                "metadata": {"name": "w-1"},
                "spec": {"unschedulable": True},
                "status": {
                    "nodeInfo": {"kubeletVersion": "v1.36.3"},
                    "conditions": [
                        {"type": "Ready", "status": "False", "message": "kubelet stopped"},
                        {"type": "DiskPressure", "status": "True", "message": "full"},
                    ],
                },
            }
        ]
    }
    assert nodes(listed) == [
        NodeFact("w-1", False, "kubelet stopped", "1.36.3", False, ("DiskPressure: full",))
    ]
    workloads = {
        "items": [
            {
                "kind": "Deployment",
                "metadata": {"name": "coredns"},
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
    assert add_ons(workloads, services) == [
        AddOnFact("api v1beta1.metrics.k8s.io", True, ""),
        AddOnFact("coredns", False, "0 of 2: too few"),
    ]
