"""Tests of the NFS client of nodes (`storage.nfs`): the programs that mount(8) starts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from artifacts.mirror import optional_artifacts
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from testkit.bundles import FakeIndex, cluster
from topology.model import Role, Topology

UNIT = "kubewright-nfs.service"
HELPERS = ("mount.nfs", "mount.nfs4", "umount.nfs", "umount.nfs4")
PROGRAMS = "/usr/local/lib/kubewright/nfs"


def with_nfs(**sections: Any) -> Topology:  # noqa: ANN401 - settings
    return cluster(sections={"storage": {"nfs": {}}, **sections})


def content(bundle: Bundle, path: str) -> str:
    """Return the file of a bundle at a path."""
    (text,) = (file.content for file in bundle.files if file.path == path)
    return text


def test_only_nodes_of_clusters_with_nfs_have_the_client() -> None:
    with_client = bundles(with_nfs(), FakeIndex())
    plain = bundles(cluster(), FakeIndex())
    changed = {key for key in plain if plain[key] != with_client[key]}
    assert changed == {key for key in plain if key[1] is Role.NODE}
    node = with_client["w-1", Role.NODE]
    assert {artifact.name: artifact.path for artifact in node.artifacts}["nfs"] == PROGRAMS
    assert optional_artifacts(with_nfs()) == ("nfs",)
    assert optional_artifacts(cluster()) == ()


def test_client_is_there_before_the_kubelet_mounts_volumes() -> None:
    node = bundles(with_nfs(), FakeIndex())["w-1", Role.NODE]
    units = [service.unit for service in node.services]
    assert units.index(UNIT) < units.index("kubelet.service")
    assert "\nBefore=kubelet.service\n" in content(node, f"/etc/systemd/system/{UNIT}")
    assert {"nfs", "nfsv4"} <= {*node.modules}


class NfsHost:
    """A directory with /sbin and the delivered programs. `systemd-detect-virt` and `modprobe` are functions.

    Busybox prefers its own programs to those on PATH.
    """

    def __init__(self, root: Path, shell: tuple[str, ...]) -> None:
        self.root, self.shell = root, shell
        self.enabled = root / "etc/systemd/system/multi-user.target.wants" / UNIT
        self.sbin, self.programs = root / "sbin", root / PROGRAMS.lstrip("/")
        for directory in (self.enabled.parent, self.sbin, self.programs, root / "proc"):
            directory.mkdir(parents=True)
        for name in HELPERS:
            self.add(self.programs / name)
        self.enabled.symlink_to("unit")
        self.set_kernel(has_client=True)

    def add(self, path: Path) -> None:
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)

    def set_kernel(self, *, has_client: bool) -> None:
        (self.root / "proc/filesystems").write_text("nodev\tproc\n\text4\n" + "nodev\tnfs4\n" * has_client)

    def run(self, name: str, *, container: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one of the programs of the bundle."""
        node = bundles(with_nfs(), FakeIndex())["w-1", Role.NODE]
        program = content(node, f"/usr/local/lib/kubewright/{name}")
        for path in ("/usr/local/lib/kubewright/", "/etc/", "/proc/", "/sbin/"):
            program = program.replace(path, f"{self.root}{path}")
        functions = f"modprobe() {{ false; }}\nsystemd_detect_virt() {{ {str(container).lower()}; }}\n"
        text = functions + program.replace("systemd-detect-virt --container", "systemd_detect_virt")
        return subprocess.run(
            [*self.shell, "-c", text], capture_output=True, text=True, timeout=10, check=False
        )

    def links(self) -> dict[str, str]:
        """Return the targets of the links in /sbin by name."""
        return {path.name: str(path.readlink()) for path in self.sbin.iterdir() if path.is_symlink()}


@pytest.fixture
def host(tmp_path: Path, shell: tuple[str, ...]) -> NfsHost:
    return NfsHost(tmp_path, shell)


def test_programs_are_where_mount_looks_for_them(host: NfsHost) -> None:
    for _ in range(2):
        result = host.run("nfs-link")
        assert (result.returncode, result.stderr) == (0, "")
        assert host.links() == {name: f"{host.programs}/{name}" for name in HELPERS}


def test_package_of_the_distribution_is_kept(host: NfsHost) -> None:
    host.add(host.sbin / "mount.nfs")
    host.run("nfs-link")
    assert "mount.nfs" not in host.links()
    host.enabled.unlink()
    host.run("nfs-unlink")
    assert [path.name for path in host.sbin.iterdir()] == ["mount.nfs"]


def test_links_remain_while_the_unit_is_enabled(host: NfsHost) -> None:
    host.run("nfs-link")
    assert host.run("nfs-unlink").returncode == 0
    assert len(host.links()) == len(HELPERS)
    host.enabled.unlink()
    assert host.run("nfs-unlink").returncode == 0
    assert host.links() == {}
    assert host.run("nfs-unlink").returncode == 0, "nothing to remove is no error"


def test_link_to_a_removed_program_is_replaced(host: NfsHost) -> None:
    (host.sbin / "mount.nfs").symlink_to("/nonexistent/mount.nfs")
    host.run("nfs-link")
    assert host.links()["mount.nfs"] == f"{host.programs}/mount.nfs"


def test_kernel_without_a_client_is_an_error_that_names_packages(host: NfsHost) -> None:
    host.set_kernel(has_client=False)
    result = host.run("nfs-link")
    assert result.returncode == 1
    assert "the kernel has no NFS client; install the package" in result.stderr
    assert host.links() == {}
    assert host.run("nfs-link", container=True).returncode == 0, "the kernel belongs to the machine"


def test_host_whose_directory_is_read_only_says_what_to_install(host: NfsHost) -> None:
    shutil.rmtree(host.sbin)
    result = host.run("nfs-link")
    assert result.returncode == 1
    assert "install the NFS client of the distribution" in result.stderr
