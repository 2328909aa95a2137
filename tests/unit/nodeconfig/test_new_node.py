"""Tests of the labels and taints of a control plane whose Node is new, as after the loss of its machine."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, File, Identity, Service
from nodeconfig.render import payload, script
from testkit.bundles import FakeIndex
from testkit.clouds import cloud
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/kubectl-calls"
case $* in
*kubewright*dev/applied}) [ ! -e "$FAKE/api-down" ] || { echo refused >&2; exit 1; }; cat "$FAKE/applied" ;;
*" annotate "*kubewright.dev/applied=*) echo "${*##*kubewright.dev/applied=}" >"$FAKE/applied" ;;
esac
"""
LABELS = ("node-role.kubernetes.io/control-plane=", "tier=front")
TAINTS = ("node-role.kubernetes.io/control-plane=:NoSchedule",)


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    host.install_kubectl(KUBECTL, "/etc/kubernetes/admin.conf")
    (host.fake / "applied").touch()
    return host


def deliver(host: EmulatedHost) -> subprocess.CompletedProcess[str]:
    bundle = Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File("/etc/systemd/system/kubelet.service", "[Service]\n"),),
        secrets=(),
        artifacts=(),
        services=(Service("kubelet.service", timeout=0),),
        labels=LABELS,
        taints=TAINTS,
    )
    identity = Identity("cp-1", "10.0.0.10", "aws:///eu-central-1a/i-new")
    return host.run(script(bundle, identity), payload(bundle, {}))


def changes(host: EmulatedHost) -> list[str]:
    verbs = (" label ", " taint ", " annotate ")
    calls = [line for line in host.kubectl_calls() if any(verb in line for verb in verbs)]
    return [line.partition("--request-timeout=10s ")[2] for line in calls]


def test_a_new_node_gets_its_labels_and_taints(host: EmulatedHost) -> None:
    result = deliver(host)
    assert result.returncode == 0, result.stderr
    applied = "label=node-role.kubernetes.io/control-plane,label=tier"
    applied += ",taint=node-role.kubernetes.io/control-plane:NoSchedule"
    assert changes(host) == [
        f"label --overwrite node cp-1 {LABELS[0]} {LABELS[1]}",
        f"taint --overwrite node cp-1 {TAINTS[0]}",
        f"annotate --overwrite node cp-1 kubewright.dev/applied={applied}",
    ]
    # The labels come after the kubelet, which registers the Node.
    assert "restart kubelet.service" in host.calls()


def test_labels_survive_the_loss_of_a_machine(host: EmulatedHost) -> None:
    assert deliver(host).returncode == 0
    # The machine is lost: its Node is deleted, and the next machine has the same name and an empty disk.
    (host.fake / "applied").write_text("")
    (host.fake / "kubectl-calls").unlink()
    assert deliver(host).returncode == 0
    assert len(changes(host)) == 3


def test_labels_of_an_existing_node_are_not_changed(host: EmulatedHost) -> None:
    """The command for labels of the pool changes them, and removes labels that the pool no longer has."""
    (host.fake / "applied").write_text("label=tier\n")
    assert deliver(host).returncode == 0
    assert changes(host) == []


def test_a_node_without_labels_is_not_healthy(host: EmulatedHost) -> None:
    (host.fake / "api-down").touch()
    result = deliver(host)
    assert result.returncode == 1
    assert "cannot read the labels of the Node: refused" in result.stderr
    assert not host.path("/var/lib/kubewright/roles/node/digest").exists()


def test_a_host_that_is_no_control_plane_changes_no_labels(host: EmulatedHost) -> None:
    host.path("/etc/kubernetes/admin.conf").unlink()
    assert deliver(host).returncode == 0
    assert host.kubectl_calls() == []


def test_control_planes_have_the_labels_that_controllers_of_the_cloud_select() -> None:
    topology = cloud()
    built = bundles(topology, FakeIndex())
    node = built["cp-1", Role.NODE]
    assert node.labels == (
        "node-role.kubernetes.io/control-plane=",
        "node.kubernetes.io/exclude-from-external-load-balancers=",
    )
    assert node.taints == TAINTS
    assert built["cp-1", Role.CONTROL_PLANE].labels == ()
    assert built["general", Role.NODE].labels == ()
    lines = script(replace(node, files=()), Identity("cp-1", "10.0.0.10")).splitlines()
    assert f"taint {TAINTS[0]}" in lines
    assert "label node-role.kubernetes.io/control-plane=" in lines
