"""Tests of the host program on cloud machines: identity, an old Node with the same name, removal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nodeconfig.bundle import IDENTITY_AT_BOOT, Bundle, File, Identity, Service
from nodeconfig.render import payload, script
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/kubectl-calls"
case $* in
*"{.spec.providerID}"*)
    [ ! -e "$FAKE/refuses" ] || { echo "connection refused" >&2; exit 1; }
    [ ! -e "$FAKE/provider" ] || echo "cp-1 $(cat "$FAKE/provider")" ;;
*"delete node cp-1"*) rm -f "$FAKE/provider" ;;
esac
"""
NEW_MACHINE = Identity("cp-1", "10.0.0.10", "aws:///eu-central-1a/i-new")


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    host.install_kubectl(KUBECTL, "/etc/kubernetes/admin.conf")
    return host


def node(role: Role = Role.NODE) -> Bundle:
    unit = File("/etc/systemd/system/kubelet.service", "[Service]\n")
    return Bundle(
        role=role,
        program=PROGRAM,
        files=(unit,),
        secrets=(),
        artifacts=(),
        services=(Service("kubelet.service", timeout=0),),
    )


def deliver(
    host: EmulatedHost, identity: Identity = NEW_MACHINE, role: Role = Role.NODE
) -> subprocess.CompletedProcess[str]:
    bundle = node(role)
    return host.run(script(bundle, identity), payload(bundle, {}))


def test_the_identity_of_a_cloud_machine_has_the_provider_id(host: EmulatedHost) -> None:
    assert deliver(host).returncode == 0
    env = host.path("/etc/kubewright/host.env").read_text()
    assert env == "NODE_NAME=cp-1\nNODE_IP=10.0.0.10\nPROVIDER_ID=aws:///eu-central-1a/i-new\n"


def give_certificate(host: EmulatedHost, name: str = "current") -> None:
    """Give the host a client certificate of its kubelet, as after a join."""
    certificate = host.path(f"/var/lib/kubelet/pki/kubelet-client-{name}.pem")
    certificate.parent.mkdir(parents=True, exist_ok=True)
    certificate.touch()


def test_a_joined_host_without_provider_id_does_not_query_the_api(host: EmulatedHost) -> None:
    give_certificate(host)
    assert deliver(host, Identity("cp-1", "10.0.0.10")).returncode == 0
    assert host.path("/etc/kubewright/host.env").read_text() == "NODE_NAME=cp-1\nNODE_IP=10.0.0.10\n"
    assert host.kubectl_calls() == []


def test_the_identity_may_come_from_the_environment(host: EmulatedHost) -> None:
    text = "export BOOT_NAME=i-1 BOOT_ADDRESS=10.0.0.9 BOOT_ID=aws:///a/i-1\n" + script(
        node(), IDENTITY_AT_BOOT
    )
    assert host.run(text, payload(node(), {})).returncode == 0
    assert host.path("/etc/kubewright/host.env").read_text() == (
        "NODE_NAME=i-1\nNODE_IP=10.0.0.9\nPROVIDER_ID=aws:///a/i-1\n"
    )


def test_the_node_of_a_replaced_machine_is_deleted_before_the_kubelet_starts(host: EmulatedHost) -> None:
    (host.fake / "provider").write_text("aws:///eu-central-1a/i-old")
    result = deliver(host)
    assert result.returncode == 0, result.stderr
    assert (
        "deleted the Node of the machine that had this name before, aws:///eu-central-1a/i-old"
        in result.stdout
    )
    assert [line for line in host.kubectl_calls() if " delete node cp-1 " in line]
    assert not (host.fake / "provider").exists()


@pytest.mark.parametrize("identity", [NEW_MACHINE, Identity("cp-1", "10.0.0.10")], ids=["cloud", "host"])
def test_the_node_of_a_reinstalled_machine_is_deleted(host: EmulatedHost, identity: Identity) -> None:
    """The machine has no certificate, and its bootstrap token is useless while the Node exists."""
    (host.fake / "provider").write_text(identity.provider_id)
    result = deliver(host, identity)
    assert result.returncode == 0, result.stderr
    assert "deleted the Node of the machine that had this name before" in result.stdout
    assert not (host.fake / "provider").exists()


@pytest.mark.parametrize("certificate", ["current", "previous"])
@pytest.mark.parametrize("provider_id", ["", NEW_MACHINE.provider_id])
def test_the_machines_current_node_is_not_deleted(
    host: EmulatedHost, provider_id: str, certificate: str
) -> None:
    give_certificate(host, certificate)
    (host.fake / "provider").write_text(provider_id)
    assert deliver(host).returncode == 0
    assert not [line for line in host.kubectl_calls() if "delete" in line]


def test_an_api_that_does_not_answer_starts_no_kubelet(host: EmulatedHost) -> None:
    (host.fake / "refuses").touch()
    result = deliver(host)
    assert result.returncode == 1
    assert "cannot find out whether an old Node has this name: connection refused" in result.stderr
    assert not [line for line in host.calls() if line.startswith("restart")]


def test_only_a_control_planes_node_can_have_an_old_one(host: EmulatedHost) -> None:
    host.path("/etc/kubernetes/admin.conf").unlink()
    assert deliver(host).returncode == 0
    assert host.kubectl_calls() == []
    host.path("/etc/kubernetes/admin.conf").touch()
    assert deliver(host, role=Role.ETCD).returncode == 0
    assert host.kubectl_calls() == []


def run_host_function(host: EmulatedHost) -> subprocess.CompletedProcess[str]:
    """Run a function of the host program as the boot program does."""
    work = host.root / "run/work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "host.sh").write_bytes(host.path("/var/lib/kubewright/host.sh").read_bytes())
    return host.run(f'sh -c \'. "$1/host.sh"; shift; "$@"\' kubewright {work} away 30')


def test_a_removed_machine_is_drained_and_leaves_its_node_to_the_cloud(host: EmulatedHost) -> None:
    assert deliver(host).returncode == 0
    kubelet = host.path("/var/lib/kubelet/kubeconfig")
    kubelet.parent.mkdir(parents=True)
    kubelet.touch()
    host.calls()
    result = run_host_function(host)
    assert result.returncode == 0, result.stderr
    kubectl_verbs = [
        word for line in host.kubectl_calls() for word in ("drain", "delete") if f" {word} " in line
    ]
    assert kubectl_verbs == ["drain"]
    assert not [line for line in host.kubectl_calls() if "annotate" in line]
    assert "stop kubelet.service" in host.calls()
    # The cloud removes everything else with the machine.
    assert host.path("/var/lib/kubewright/roles/node").exists()


def test_a_machine_without_a_node_has_nothing_to_drain(host: EmulatedHost) -> None:
    assert deliver(host, role=Role.ETCD).returncode == 0
    host.calls()
    assert run_host_function(host).returncode == 0
    assert host.kubectl_calls() == []
    assert host.calls() == []
