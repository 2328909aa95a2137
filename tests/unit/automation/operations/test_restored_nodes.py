"""Tests of the step of `restore` that brings back the Node and the pods of a host, with fake programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.automation.operations.restore_host import RestoreHost

OWN_ID = "aws:///eu-west-1a/i-new"
RESTART, BOOT = "restart kubelet.service", "restart kubewright-boot.service"


@pytest.fixture
def host(tmp_path: Path) -> RestoreHost:
    return RestoreHost(tmp_path)


def test_a_kubelet_that_does_not_restart_is_an_error(host: RestoreHost) -> None:
    (host.fake / "stuck.kubelet.service").touch()
    completed = host.run("restart-kubelet")
    assert completed.returncode == 1
    assert b"the kubelet does not restart" in completed.stderr


@pytest.mark.parametrize(
    ("node", "calls"),
    [
        (f"cp-1 {OWN_ID}", [RESTART]),
        ("cp-1 aws:///eu-central-1a/i-old", ["kubectl delete node cp-1 --timeout=60s", RESTART, BOOT]),
        ("", [RESTART, BOOT]),
    ],
    ids=["own node", "node of another machine", "no node"],
)
def test_control_plane_of_a_cloud_gets_its_own_node(host: RestoreHost, node: str, calls: list[str]) -> None:
    """The snapshot of a cluster in another region has Nodes of that cluster, with the names of members."""
    complete = host.root / "run/kubewright-boot/complete"
    for path, text in {
        host.root / "etc/kubernetes/admin.conf": "",
        host.root / "etc/kubewright/host.env": f"NODE_NAME=cp-1\nPROVIDER_ID={OWN_ID}\n",
        host.fake / "node": node,
        complete: "",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    host.run_all("restart-kubelet")
    assert host.calls() == calls
    assert complete.exists() is (BOOT not in calls)


def test_node_of_a_host_without_a_cloud_stays(host: RestoreHost) -> None:
    """flannel restarts, because the kubelet may register a Node without the annotations of flannel."""
    host.set_flannel("10.244.0.1/24", {"web": "10.244.0.7"})
    for directory in ("kubernetes", "kubewright"):
        (host.root / "etc" / directory).mkdir(parents=True)
    (host.root / "etc/kubernetes/admin.conf").touch()
    (host.root / "etc/kubewright/host.env").write_text("NODE_NAME=cp-1\nPROVIDER_ID=\n")
    host.run_all("restart-kubelet")
    assert host.calls() == [RESTART, "restart flanneld.service"]


@pytest.mark.parametrize(
    ("subnet", "stopped"),
    [
        ("10.244.0.1/24", ["neighbor"]),
        ("10.244.0.1/23", []),
        ("10.244.4.1/24", ["web", "neighbor"]),
        ("10.244.1.129/25", ["web", "neighbor"]),
    ],
)
def test_pods_outside_of_the_subnet_of_the_host_start_again(
    host: RestoreHost, subnet: str, stopped: list[str]
) -> None:
    """The kubelet started them for the Node of the snapshot. Another host has their addresses now."""
    host.set_flannel(subnet, {"web": "10.244.0.7", "neighbor": "10.244.1.3", "proxy": ""})
    host.run_all("restart-kubelet")
    assert host.calls() == [RESTART, "restart flanneld.service", *(f"stopp {name}" for name in stopped)]


def test_pods_that_the_kubelet_was_starting_start_again(host: RestoreHost) -> None:
    host.set_flannel("10.244.4.1/24", {}, late={"slow": "10.244.0.9", "new": "10.244.4.2"})
    host.run_all("restart-kubelet")
    assert host.calls() == [RESTART, "restart flanneld.service", "stopp slow"]


def test_pods_that_cannot_be_listed_are_an_error(host: RestoreHost) -> None:
    host.set_flannel("10.244.4.1/24", {"web": "10.244.0.7"})
    (host.fake / "pods").unlink()
    completed = host.run("restart-kubelet")
    assert completed.returncode != 0
    assert b"the pods of this host cannot be listed" in completed.stderr


def test_flannel_that_does_not_start_is_an_error(host: RestoreHost) -> None:
    host.set_flannel("", {})
    completed = host.run("restart-kubelet")
    assert completed.returncode != 0
    assert b"flannel is not healthy" in completed.stderr
