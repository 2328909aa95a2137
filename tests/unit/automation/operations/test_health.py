"""Tests of the problems that are derived from the facts of hosts and the API."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from automation.operations import host_facts, status
from automation.operations.cluster_facts import AddOnFact, NodeFact, parse_nodes
from automation.operations.health import SCHEDULED_SERVICES, Observation, Problem, find_problems
from automation.operations.host_facts import CertificateFact, DiskFact, EtcdFact, HostFacts, ServiceFact
from nodeconfig import bundles
from testkit import pki
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOPOLOGY = cluster(etcd=3, workers=1)
ETCD = EtcdFact(
    healthy=True,
    leader=False,
    version="3.7.3",
    members=tuple((member.name, False) for member in TOPOLOGY.etcd),
)


def healthy_observation() -> Observation:
    """Return the observation of a cluster without problems."""
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
    nodes = [machine.name for machine in TOPOLOGY.machines if Role.NODE in machine.roles]
    return Observation(
        hosts=hosts,
        nodes=[NodeFact(name, True, "", "1.36.3", True) for name in nodes],
        add_ons=[AddOnFact("coredns", True, "2 of 2")],
        now=NOW,
    )


def healthy_cluster_except(host: str, **change: object) -> Observation:
    observed = healthy_observation()
    facts = observed.facts[host]
    return replace(observed, hosts={**observed.hosts, host: replace(facts, **change)})  # type: ignore[arg-type]


def problems_of(observed: Observation) -> list[Problem]:
    return find_problems(TOPOLOGY, observed)


def test_healthy_cluster_has_no_problems() -> None:
    assert problems_of(healthy_observation()) == []


def observation_with_lost_hosts(*names: str) -> Observation:
    observed = healthy_observation()
    return replace(observed, hosts={**observed.hosts, **dict.fromkeys(names, "No route to host")})


@pytest.mark.parametrize(
    ("observed", "subject", "phrase", "serious"),
    [
        (observation_with_lost_hosts("w-1"), "w-1", "cannot be reached: No route to host", True),
        (observation_with_lost_hosts("e-1", "e-2"), "etcd", "no quorum: 1 of 3", True),
        (healthy_cluster_except("w-1", roles=()), "w-1", "role node is not installed", True),
        (
            healthy_cluster_except("w-1", roles=(("node", False),)),
            "w-1",
            "role node is not completely installed",
            True,
        ),
        (
            healthy_cluster_except("w-1", disks=(DiskFact("/var", 97, 1, 0),)),
            "w-1",
            "disk full: 97% of the space at /var",
            True,
        ),
        (
            healthy_cluster_except("w-1", disks=(DiskFact("/", 2, 99, 9),)),
            "w-1",
            "disk full: 99% of the inodes",
            True,
        ),
        (healthy_cluster_except("w-1", disks=(DiskFact("/", 88, 1, 9),)), "w-1", "disk filling: 88%", False),
        (
            healthy_cluster_except(
                "w-1", services=(ServiceFact("b.service", "failed", "exit-code", 3, ("no space",)),)
            ),
            "w-1",
            "b.service is failed (exit-code): no space",
            True,
        ),
        (healthy_cluster_except("w-1", memory_available=2**20), "w-1", "memory: 1 MiB of 4096", False),
        (
            healthy_cluster_except(
                "w-1", certificates=(CertificateFact("/y.crt", "", NOW + timedelta(days=20)),)
            ),
            "w-1",
            "/y.crt expires in 20 days",
            False,
        ),
        (
            healthy_cluster_except(
                "w-1", certificates=(CertificateFact("/y.crt", "", NOW - timedelta(days=1)),)
            ),
            "w-1",
            "/y.crt has expired",
            True,
        ),
        (
            healthy_cluster_except(
                "cp-1", api="[+]ping ok [-]etcd failed: reason withheld [-]poststarthook/x failed"
            ),
            "cp-1",
            "API server is not ready: failed: etcd, poststarthook/x",
            True,
        ),
        (
            healthy_cluster_except("cp-1", api="[+]ping ok [-]kms-providers failed: reason withheld"),
            "cp-1",
            "API server is not ready: failed: kms-providers",
            True,
        ),
        (healthy_cluster_except("cp-1", api="refused"), "cp-1", "API server is not ready: refused", True),
        (healthy_cluster_except("e-1", etcd=replace(ETCD, healthy=False)), "e-1", "not healthy", True),
        (
            healthy_cluster_except("e-1", etcd=replace(ETCD, alarms=("NOSPACE",))),
            "e-1",
            "etcd alarm: NOSPACE",
            True,
        ),
        (
            healthy_cluster_except("e-1", etcd=replace(ETCD, version="3.6.16")),
            "etcd",
            "different versions",
            False,
        ),
        (
            healthy_cluster_except("e-1", etcd=replace(ETCD, members=(*ETCD.members, ("e-9", False)))),
            "etcd",
            "has e-9, which the stack file does not name",
            True,
        ),
        (replace(healthy_observation(), endpoint="refused"), "endpoint", "does not respond: refused", True),
        (replace(healthy_observation(), nodes=[]), "w-1", "is not a node of the cluster", True),
        (replace(healthy_observation(), skews={"w-1": -12.5}), "w-1", "clock is -12.5 s off", False),
        (
            replace(healthy_observation(), add_ons=[AddOnFact("coredns", False, "0 of 2")]),
            "add-on",
            "coredns is not",
            True,
        ),
    ],
)
def test_problem_names_its_cause(observed: Observation, subject: str, phrase: str, serious: bool) -> None:
    matching = [item for item in problems_of(observed) if item.subject == subject and phrase in item.message]
    assert [item.serious for item in matching] == [serious], problems_of(observed)


def test_report_contains_hosts_members_nodes_and_problems() -> None:
    observed = observation_with_lost_hosts("w-1")
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(status.status_report(TOPOLOGY, observed, problems_of(observed)))
    text = console.export_text()
    for word in ("cp-1", "e-0", "leader", "w-1", "No route to host", "error"):
        assert word in text
    console.print(status.status_report(TOPOLOGY, healthy_observation(), []))
    assert "no problems found" in console.export_text()


def test_output_of_the_probe_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    probe = Path(status.__file__).parent / "probe.sh"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    completed = subprocess.run(
        ["sh", str(probe)], env=environment, capture_output=True, text=True, timeout=30
    )
    assert completed.returncode == 0, completed.stderr
    host = host_facts.parse_probe(completed.stdout)
    assert host.name == os.uname().nodename
    assert abs(host.time - datetime.now(UTC).timestamp()) < 30
    assert "/" in [disk.path for disk in host.disks]
    assert host.memory_total > host.memory_available > 0


def test_incomplete_output_of_the_probe_is_an_error() -> None:
    with pytest.raises(ValueError, match="incomplete"):
        host_facts.parse_probe("@time 1\n@name x\n")


WHOLE = pki.create_secrets(TOPOLOGY)["kubernetes-ca.crt"]


@pytest.mark.parametrize(
    "damaged", ["", WHOLE[: len(WHOLE) // 2], WHOLE + WHOLE[:100], WHOLE.replace("M", "!")]
)
def test_damaged_certificate_file_is_named_and_the_other_facts_are_reported(damaged: str) -> None:
    sections = {"/etc/etcd/pki/server.crt": damaged, "/etc/etcd/pki/etcd-ca.crt": WHOLE}
    output = "@time 1\n@name cp-1\n@memory\n@disk\n"
    output += "".join(f"@certificate {path}\n{text}\n" for path, text in sections.items()) + "@end\n"
    facts = host_facts.parse_probe(output)
    assert [fact.path for fact in facts.certificates] == ["/etc/etcd/pki/etcd-ca.crt"]
    observed = healthy_cluster_except("cp-1", damaged_files=facts.damaged_files)
    assert problems_of(observed) == [
        Problem(
            "cp-1",
            "certificate file /etc/etcd/pki/server.crt is damaged or truncated; run `repair --host cp-1`",
        )
    ]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("kubelet-server-current.pem", "delete the file and restart the kubelet"),
        (
            "kubelet-client-current.pem",
            "delete the file, run `kubectl delete node w-1`, and restart the kubelet",
        ),
    ],
)
def test_kubelet_requests_a_new_certificate_for_a_damaged_file(name: str, remedy: str) -> None:
    (problem,) = problems_of(healthy_cluster_except("w-1", damaged_files=(f"/var/lib/kubelet/pki/{name}",)))
    assert problem.serious
    assert problem.message.endswith(f"{name} is damaged or truncated; {remedy}")


def test_nodes_are_parsed() -> None:
    listed = {
        "items": [
            {
                "metadata": {"name": "w-1"},
                "spec": {
                    "unschedulable": True,
                    "taints": [
                        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                        {"key": "gpu", "effect": "NoSchedule"},
                        {"key": "spot", "effect": "PreferNoSchedule"},
                    ],
                },
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
    assert parse_nodes(listed) == [
        NodeFact(
            "w-1", False, "kubelet stopped", "1.36.3", False, ("DiskPressure: full",), ("gpu:NoSchedule",)
        )
    ]


def test_services_of_all_timers_are_known() -> None:
    """They are inactive between their runs, which is no problem."""
    sections = {
        "addons": {"monitoring": {}},
        "etcd": {"defragmentation": {}, "snapshots": {"verify": "daily"}},
    }
    paths = {
        Path(file.path)
        for bundle in bundles(cluster(sections=sections), FakeIndex()).values()
        for file in bundle.files
    }
    timers = {path.stem for path in paths if path.suffix == ".timer"}
    assert {f"{name}.service" for name in timers} == set(SCHEDULED_SERVICES)
