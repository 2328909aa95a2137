"""Tests of the privileges of services, and of the modes of files that services of nodes write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from nodeconfig.cni import WRITE_CONFLIST
from settings import load
from testkit.bundles import FakeIndex, cluster
from testkit.clouds import cloud
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.model import Role, Topology

SANDBOXED = {
    "etcd.service": ("/var/lib/etcd", ""),
    "etcd-proxy.service": ("", "CAP_NET_BIND_SERVICE"),
    "haproxy.service": ("", "CAP_NET_BIND_SERVICE"),
    "kube-apiserver.service": ("/var/log/kubernetes", ""),
    "kube-controller-manager.service": ("", ""),
    "kube-router.service": ("", "CAP_NET_ADMIN CAP_NET_RAW"),
    "kube-scheduler.service": ("", ""),
    "kubelet-csr-approver.service": ("", ""),
    "kubewright-machine-tokens.service": ("/run/kubewright-boot", ""),
}
"""The writable directory and the capabilities of services without privileges."""
USERS = {
    "etcd.service": "etcd",
    "etcd-proxy.service": "haproxy",
    "haproxy.service": "haproxy",
    "kube-apiserver.service": "kube-apiserver",
    "kube-controller-manager.service": "kube-controller-manager",
    "kube-scheduler.service": "kube-scheduler",
    "kubelet-csr-approver.service": "kubelet-csr-approver",
}
"""Services that do not run as root, and their users."""
COPY_SECRETS = "copies files of root for the user of a service"
PRIVILEGED = {
    "containerd.service": "mounts file systems and starts containers",
    "etcd-promote.service": "reads the key of the operator, and ends",
    "etcd-snapshot.service": "writes to the directory of the setting etcd.snapshots.copy_to",
    "etcd-verify.service": "reads the snapshots and the credentials of their targets, and ends",
    "etcd-defragment.service": "reads the key of the operator, and ends",
    "flanneld.service": "configures the network",
    "keepalived.service": "configures addresses",
    "kube-proxy.service": "configures the packet filter",
    "kubelet.service": "mounts volumes and starts containers",
    "kubewright-firewall.service": "configures the packet filter",
    "kube-apiserver-secrets.service": COPY_SECRETS,
    "kube-controller-manager-secrets.service": COPY_SECRETS,
    "kube-scheduler-secrets.service": COPY_SECRETS,
    "kubelet-csr-approver-secrets.service": COPY_SECRETS,
}
"""Services with privileges, and why."""


def services(bundle: Bundle) -> dict[str, str]:
    """Return the unit files of a bundle by name."""
    return {
        file.path.rpartition("/")[2]: file.content for file in bundle.files if file.path.endswith(".service")
    }


@pytest.fixture(scope="module")
def units(balanced: Topology) -> dict[str, str]:
    """Return all units of a cluster with load balancers, of one with etcd on its own hosts, of one with
    scheduled work on etcd, and of one in a cloud.
    """
    scheduled = cluster(sections={"etcd": {"snapshots": {"verify": "weekly"}, "defragmentation": {}}})
    topologies = (balanced, cluster(etcd=3), scheduled, cloud())
    delivered = [bundle for topology in topologies for bundle in bundles(topology, FakeIndex()).values()]
    return {name: text for bundle in delivered for name, text in services(bundle).items()}


@pytest.fixture(scope="module")
def balanced() -> Topology:
    """Return a highly available cluster with load balancers."""
    return build_topology(load(HIGHLY_AVAILABLE))


def test_every_service_is_sandboxed_or_has_a_reason(units: dict[str, str]) -> None:
    sandboxed = {name for name, text in units.items() if "ProtectSystem=strict\n" in text}
    assert sandboxed == set(SANDBOXED)
    assert set(units) - sandboxed == set(PRIVILEGED)


def test_services_of_the_control_plane_have_users_of_their_own(units: dict[str, str]) -> None:
    lines = {name: text.splitlines() for name, text in units.items()}
    users = {
        name: line.removeprefix("User=")
        for name, text in lines.items()
        for line in text
        if line.startswith("User=")
    }
    assert users == USERS


@pytest.mark.parametrize("unit", SANDBOXED)
def test_sandbox_permits_only_what_the_service_needs(unit: str, units: dict[str, str]) -> None:
    writable, capabilities = SANDBOXED[unit]
    lines = units[unit].splitlines()
    assert f"CapabilityBoundingSet={capabilities}" in lines
    assert [line for line in lines if line.startswith("ReadWritePaths=")] == (
        [f"ReadWritePaths={writable}"] if writable else []
    )
    assert "NoNewPrivileges=yes" in lines
    assert "ProtectHome=yes" in lines


def test_writable_directories_exist_before_the_service_starts(balanced: Topology) -> None:
    """systemd does not start a service whose writable directory does not exist."""
    for (_, role), bundle in bundles(balanced, FakeIndex()).items():
        directories = {directory.path for directory in bundle.directories}
        for name in services(bundle):
            if name in SANDBOXED and (writable := SANDBOXED[name][0]):
                assert writable in directories, (role, name)


def test_program_that_starts_etcd_is_not_in_the_sandbox(units: dict[str, str]) -> None:
    """It writes files of root and changes the owner of data."""
    (line,) = [line for line in units["etcd.service"].splitlines() if line.startswith("ExecStartPre=")]
    assert line.startswith("ExecStartPre=+")


def test_cni_files_are_readable_only_by_root(tmp_path: Path) -> None:
    node = bundles(cluster(), FakeIndex())["w-1", Role.NODE]
    text = next(file.content for file in node.files if file.path == WRITE_CONFLIST)
    for directory in ("/run/flannel", "/etc/cni", "/var/lib/cni"):
        text = text.replace(directory, f"{tmp_path}{directory}")
        (tmp_path / directory.lstrip("/")).mkdir(parents=True)
    lock = tmp_path / "var/lib/cni/networks/kubewright/lock"
    lock.parent.mkdir(parents=True)
    lock.touch(0o750)  # as the plugin host-local creates it
    (tmp_path / "run/flannel/subnet.env").write_text("FLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\n")

    subprocess.run(["sh", "-c", text], check=True)
    conflist = tmp_path / "etc/cni/net.d/10-kubewright.conflist"
    assert '"subnet": "10.244.1.0/24"' in conflist.read_text()
    assert {path.stat().st_mode & 0o777 for path in (conflist, lock)} == {0o600}
    assert conflist.parent.stat().st_mode & 0o777 == 0o755
