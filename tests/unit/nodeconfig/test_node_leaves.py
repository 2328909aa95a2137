"""Tests of a node that leaves its cluster, and of the order of health and drain, with a fake kubectl."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, Service
from nodeconfig.render import reset_script
from testkit.host import LIMITED_SLEEP, PROGRAM, EmulatedHost
from topology.model import Role

MINOR = "/etc/kubewright/kubelet-minor"
UNIT = "/etc/systemd/system/a.service"
HEALTHY = '[ ! -e "$FAKE/unhealthy" ]'
NODE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(File(MINOR, "1.35\n"), File(UNIT, "[Service]\n")),
    secrets=(),
    artifacts=(),
    services=(Service("a.service", ready=HEALTHY, timeout=0),),
    drain=True,
    drain_on=(MINOR,),
)
UPGRADED = replace(NODE, files=(File(MINOR, "1.36\n"), NODE.files[1]))

KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/kubectl-calls"
case $* in
*unschedulable*) cat "$FAKE/unschedulable" 2>/dev/null ;;
*"annotate --overwrite node w-1 kubewright.dev/leaving=node"*) [ -e "$FAKE/stays" ] || : >"$FAKE/deleted" ;;
*annotations*) cat "$FAKE/annotation" 2>/dev/null ;;
*"get node w-1 -o name"*)
    [ ! -e "$FAKE/deleted" ] || { echo "NotFound" >&2; exit 1; }
    [ ! -e "$FAKE/away" ] || { echo "connection refused" >&2; exit 1; } ;;
*" drain "*) [ ! -e "$FAKE/blocked" ] || { echo "error: pods remain" >&2; exit 1; } ;;
esac
"""
# The time of the host advances by 20 s with each call of `date`.
DATE = """#!/bin/sh
read -r now 2>/dev/null <"$FAKE/now" || now=0
echo $((now + 20)) >"$FAKE/now"
echo "$now"
"""


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    """Return a host with a delivered node and a fake kubectl. Files in `host.fake` change the answers."""
    host = EmulatedHost(tmp_path, "sh")
    assert host.deliver(NODE).returncode == 0
    host.install_kubectl(KUBECTL)
    return host


def kubectl_verbs(host: EmulatedHost) -> list[str]:
    """Return the changes that kubectl made, in their order."""
    words = " ".join(host.kubectl_calls()).split()
    return [word for word in words if word in ("drain", "uncordon", "delete")]


def test_a_drained_node_gets_pods_again_only_when_it_is_healthy(host: EmulatedHost) -> None:
    (host.fake / "unhealthy").touch()
    assert host.deliver(UPGRADED).returncode == 1
    assert kubectl_verbs(host) == ["drain"]
    (host.fake / "unhealthy").unlink()
    assert host.deliver(UPGRADED).returncode == 0
    assert kubectl_verbs(host) == ["drain", "uncordon"]


def test_a_node_that_an_administrator_cordoned_stays_cordoned(host: EmulatedHost) -> None:
    (host.fake / "unschedulable").write_text("true")
    assert host.deliver(UPGRADED).returncode == 0
    assert kubectl_verbs(host) == ["drain"]


def test_a_node_that_cannot_be_drained_does_not_leave(host: EmulatedHost) -> None:
    (host.fake / "blocked").touch()
    result = host.run(reset_script(Role.NODE, drain_seconds=1))
    assert result.returncode == 1
    assert "the node was not drained in 1 s (the host leaves the cluster)" in result.stderr
    assert kubectl_verbs(host) == ["drain"]
    assert host.path(UNIT).exists()


def test_a_node_asks_for_the_deletion_of_its_node_and_does_not_delete_it(host: EmulatedHost) -> None:
    result = host.run(reset_script(Role.NODE))
    assert result.returncode == 0, result.stderr
    assert kubectl_verbs(host) == ["drain"]
    assert (host.fake / "deleted").exists()
    assert "stays" not in result.stderr


def test_a_node_that_is_not_deleted_does_not_keep_its_host(host: EmulatedHost) -> None:
    (host.fake / "stays").touch()
    host.add_program("date", DATE)
    host.add_program("sleep", LIMITED_SLEEP)
    result = host.run(reset_script(Role.NODE))
    assert result.returncode == 0, result.stderr
    assert "the Node of w-1 stays; delete it with kubectl delete node w-1" in result.stderr
    assert not host.path(UNIT).exists()


def test_a_node_leaves_without_a_drain_when_the_api_is_lost(host: EmulatedHost) -> None:
    """Otherwise a host could not be removed after the loss of all control planes."""
    (host.fake / "away").touch()
    host.add_program("date", DATE)
    host.add_program("sleep", LIMITED_SLEEP)
    result = host.run(reset_script(Role.NODE))
    assert result.returncode == 0, result.stderr
    assert "w-1 leaves without a drain, and its Node stays" in result.stderr
    assert kubectl_verbs(host) == []
    assert not host.path(UNIT).exists()


def test_no_node_is_drained_when_the_whole_cluster_is_removed(host: EmulatedHost) -> None:
    """The last nodes have no other node for their pods. The other roles of the host do not leave either."""
    etcd = replace(NODE, role=Role.ETCD, services=(), drain=False, drain_on=())
    assert host.deliver(etcd).returncode == 0
    member = host.path("/usr/local/lib/kubewright/etcd-member")
    member.write_text('#!/bin/sh\necho "$1" >>"$FAKE/etcd-member"; exit 1\n')
    member.chmod(0o755)
    (host.fake / "annotation").write_text("cluster")
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert kubectl_verbs(host) == []
    assert host.run(reset_script(Role.ETCD)).returncode == 0
    assert not (host.fake / "etcd-member").exists()
