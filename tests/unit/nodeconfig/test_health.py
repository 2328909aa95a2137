"""Tests of the health of a machine in a cloud, by which it is repaired or replaced."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Identity, Service
from nodeconfig.peers import PEERS_FILE
from nodeconfig.render import payload, script
from testkit.bundles import FakeIndex, cluster
from testkit.clouds import cloud
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

IDENTITY = Identity("cp-1", "10.0.0.10", "aws:///eu-central-1a/i-1")
READY = '[ ! -e "$FAKE/dead" ] || { echo "connection refused" >&2; false; }'
TOOL = """#!/bin/sh
echo "${0##*/} $*" >>"$FAKE/kubectl-calls"
case $* in *10.0.0.12*) [ ! -e "$FAKE/other-dead" ] || { echo "no leader" >&2; exit 1; } ;; esac
case $* in
*"get nodes"*) cat "$FAKE/nodes" ;;
*annotate*) [ ! -e "$FAKE/api-dead" ] || { echo "connection refused" >&2; exit 1; } ;;
esac
"""
PEERS = "etcd 10.0.0.11\netcd 10.0.0.12\ncontrol-plane 10.0.0.11\ncontrol-plane 10.0.0.12\n"
MARK = "annotate --overwrite node cp-1 kubewright.dev/replacement=aws:///eu-central-1a/i-1"
UNMARK = "annotate node cp-1 kubewright.dev/replacement-"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    host.install_kubectl(TOOL, "/etc/kubernetes/admin.conf")
    etcdctl = host.path("/usr/local/lib/kubewright/bin/etcdctl")
    etcdctl.write_text(TOOL)
    etcdctl.chmod(0o755)
    return host


def deliver(host: EmulatedHost, identity: Identity = IDENTITY) -> None:
    services = (
        Service("kubelet.service", ready=f"{READY} && node_ready", timeout=0),
        Service("containerd.service", timeout=0),
    )
    bundle = Bundle(role=Role.ETCD, program=PROGRAM, files=(), secrets=(), artifacts=(), services=services)
    text = f"node_ready() {{ :; }}\n{script(bundle, identity)}".replace(
        '. "$1/host.sh"\n', '. "$1/host.sh"\nnode_ready() { :; }\n'
    )
    result = host.run(text, payload(bundle, {}))
    assert result.returncode == 0, result.stderr


def ask(host: EmulatedHost, function: str) -> subprocess.CompletedProcess[str]:
    """Run a function of the host program as the boot program does."""
    work = host.root / "run/work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "host.sh").write_bytes(host.path("/var/lib/kubewright/host.sh").read_bytes())
    return host.run(f'sh -c \'. "$1/host.sh"; shift; "$@"\' kubewright {work} {function}')


def test_a_machine_is_healthy_while_its_services_are(host: EmulatedHost) -> None:
    deliver(host)
    assert ask(host, "well").returncode == 0
    # Whether the API knows the node as ready depends on other machines.
    assert host.kubectl_calls() == []


def test_a_service_that_does_not_answer_makes_the_machine_unhealthy(host: EmulatedHost) -> None:
    deliver(host)
    (host.fake / "dead").touch()
    result = ask(host, "well")
    assert result.returncode == 1
    assert "kubelet.service is not healthy: connection refused" in result.stderr


def test_a_stopped_service_makes_the_machine_unhealthy(host: EmulatedHost) -> None:
    deliver(host)
    (host.fake / "active.containerd.service").unlink()
    result = ask(host, "well")
    assert result.returncode == 1
    assert "containerd.service is not healthy" in result.stderr


def test_hosts_of_an_inventory_keep_no_health_checks(host: EmulatedHost) -> None:
    deliver(host, Identity("cp-1", "10.0.0.10"))
    assert not list(host.path("/var/lib/kubewright/roles").glob("*/ready.*"))


@pytest.fixture
def member(host: EmulatedHost) -> EmulatedHost:
    """Return a member of three. The file `nodes` has the names, marks and cordons of the control planes."""
    deliver(host)
    peers = host.path(PEERS_FILE)
    peers.parent.mkdir(parents=True, exist_ok=True)
    peers.write_text(PEERS)
    (host.fake / "nodes").write_text("cp-1 aws:///eu-central-1a/i-1\ncp-2 \ncp-3 \n")
    return host


def test_the_other_members_must_answer(member: EmulatedHost) -> None:
    assert ask(member, "others_well").returncode == 0
    tools = [line.partition(" ")[0] for line in member.kubectl_calls()]
    assert tools[:4] == ["etcdctl", "etcdctl", "kubectl", "kubectl"]
    assert "--server=https://10.0.0.12:6443 get --raw /readyz" in member.kubectl_calls()[3]
    (member.fake / "other-dead").touch()
    result = ask(member, "others_well")
    assert result.returncode == 1
    assert "etcd on 10.0.0.12 is not healthy: no leader" in result.stderr


def test_a_control_plane_marks_its_node_before_it_reads_the_marks_of_others(member: EmulatedHost) -> None:
    """Two control planes that ask at the same time both see the mark of the other."""
    assert ask(member, "others_well").returncode == 0
    mark, nodes = member.kubectl_calls()[4:6]
    assert mark.endswith(MARK)
    assert "get nodes --selector=node-role.kubernetes.io/control-plane" in nodes
    # The API server of this machine may have failed.
    assert all("--server=https://10.0.0.12:6443" in call for call in (mark, nodes))


@pytest.mark.parametrize("other", ["cp-2 aws:///eu-central-1b/i-2", "cp-2 true", "cp-3 aws:///x/i-3true"])
def test_only_one_control_plane_is_repaired_at_a_time(member: EmulatedHost, other: str) -> None:
    (member.fake / "nodes").write_text(f"cp-1 aws:///eu-central-1a/i-1\n{other}\n")
    result = ask(member, "others_well")
    assert result.returncode == 1
    assert f"{other.partition(' ')[0]} is being repaired or replaced, or is cordoned" in result.stderr
    assert member.kubectl_calls()[-1].endswith(UNMARK)
    # The next check of this machine removes no mark.
    assert ask(member, "well").returncode == 0
    assert len([call for call in member.kubectl_calls() if call.endswith(UNMARK)]) == 1


def test_a_machine_that_recovers_removes_its_mark(member: EmulatedHost) -> None:
    assert ask(member, "others_well").returncode == 0
    (member.fake / "api-dead").touch()
    assert ask(member, "well").returncode == 0
    (member.fake / "api-dead").unlink()
    assert ask(member, "well").returncode == 0
    assert ask(member, "well").returncode == 0
    removals = [call for call in member.kubectl_calls() if call.endswith(UNMARK)]
    assert len(removals) == 2, "one that failed, and one that succeeded"


def test_a_node_that_cannot_be_marked_is_not_repaired(member: EmulatedHost) -> None:
    (member.fake / "api-dead").touch()
    result = ask(member, "others_well")
    assert result.returncode == 1
    assert "the Node cannot be marked: connection refused" in result.stderr


def test_an_etcd_member_without_a_control_plane_has_no_mark(member: EmulatedHost) -> None:
    """Other members notice a failed etcd themselves."""
    member.path(PEERS_FILE).write_text("etcd 10.0.0.11\netcd 10.0.0.12\n")
    assert ask(member, "others_well").returncode == 0
    assert [line.partition(" ")[0] for line in member.kubectl_calls()] == ["etcdctl", "etcdctl"]


def test_a_member_without_others_waits_for_none(host: EmulatedHost) -> None:
    deliver(host)
    assert ask(host, "others_well").returncode == 0


def test_cloud_members_know_the_members_with_their_roles() -> None:
    built = bundles(cloud(), FakeIndex())
    (peers,) = (file for file in built["cp-1", Role.ETCD].files if file.path == PEERS_FILE)
    assert peers.content == (
        "etcd 10.20.64.10\netcd 10.20.96.10\ncontrol-plane 10.20.64.10\ncontrol-plane 10.20.96.10\n"
    )
    edits = {"etcd.hosts": ["e-1", "e-2", "e-3"], "etcd.machine": {"type": "small"}}
    dedicated = bundles(cloud(**edits), FakeIndex())
    (peers,) = (file for file in dedicated["e-1", Role.ETCD].files if file.path == PEERS_FILE)
    assert {line.partition(" ")[0] for line in peers.content.splitlines()} == {"etcd"}
    on_hosts = bundles(cluster(), FakeIndex())
    assert not [file for bundle in on_hosts.values() for file in bundle.files if file.path == PEERS_FILE]
