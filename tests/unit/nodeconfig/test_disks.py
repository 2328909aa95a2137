"""Tests of the disks of a pool: only blank disks are formatted, and no disk is erased."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.nodeconfig.disk_host import BY_ID, SIZE, DiskHost, digest

MIB = 1 << 20


@pytest.fixture
def host(tmp_path: Path) -> DiskHost:
    host = DiskHost(tmp_path)
    host.configure("data=ssd-1")
    return host


def make_file_system(device: Path, *options: str) -> None:
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", *options, str(device)], check=True, capture_output=True)


def write_at(device: Path, position: int, content: bytes) -> None:
    with device.open("r+b") as file:
        file.seek(position, os.SEEK_SET if position >= 0 else os.SEEK_END)
        file.write(content)


def assert_refused(host: DiskHost, device: Path, message: str) -> None:
    """Assert that the disk is refused with one line, and not changed."""
    before = digest(device)
    result = host.run()
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"disk data: {BY_ID}/ssd-1 ")
    assert message in line
    assert digest(device) == before
    assert host.calls() == []
    assert not (host.path("data") / "volume").exists(), "a pod would start on the disk of the system"


def test_blank_disk_gets_a_file_system_once(host: DiskHost) -> None:
    device = host.connect("ssd-1")
    result = host.run()
    assert result.returncode == 0, result.stderr
    assert host.calls() == ["mkfs.ext4", "mount"]
    assert (host.path("data") / "volume").stat().st_mode & 0o777 == 0o777
    formatted = digest(device)
    assert host.run().returncode == 0
    assert host.calls() == []
    assert digest(device) == formatted


def test_disk_keeps_its_data_when_the_host_starts_again(host: DiskHost) -> None:
    host.connect("ssd-1")
    host.run()
    (host.path("data") / "volume/file").write_text("data")
    subprocess.run(["rm", str(host.path("data"))], check=True)
    host.path("data").mkdir()
    host.calls()
    assert host.run("boot").returncode == 0
    assert host.calls() == ["mount"]
    assert (host.path("data") / "volume/file").read_text() == "data"


@pytest.mark.parametrize(
    ("position", "content"),
    [
        (0, b"data"),
        (MIB - 1, b"d"),
        # RAID and GPT keep a copy of their data at the end.
        (-1, b"d"),
        (-MIB, b"d"),
        (4096 - 10, b"SWAPSPACE2"),
        (510, b"\x55\xaa"),
        (512, b"LABELONE" + bytes(16) + b"LVM2 001"),
        (0, b"XFSB" + bytes(4)),
    ],
)
def test_disk_with_data_is_refused_and_not_changed(host: DiskHost, position: int, content: bytes) -> None:
    device = host.connect("ssd-1")
    write_at(device, position, content)
    assert_refused(host, device, "it is left as it is; if nothing on it is needed, erase its beginning")


@pytest.mark.parametrize("label", ["", "archive"])
def test_file_system_of_others_is_refused(host: DiskHost, label: str) -> None:
    device = host.connect("ssd-1")
    make_file_system(device, *(["-L", label] if label else []))
    assert_refused(host, device, f"has data (ext4{', label archive' if label else ''}), and is no ext4 of")


def test_file_system_of_another_kind_is_refused(host: DiskHost) -> None:
    device = host.connect("ssd-1")
    make_file_system(device, "-L", "kubewright")
    host.configure("data=ssd-1", file_system="xfs")
    assert_refused(host, device, "has data (ext4, label kubewright), and is no xfs of Kubewright")


def test_file_system_with_the_label_and_other_files_is_refused(host: DiskHost) -> None:
    """A label alone does not say that the content is a volume."""
    device = host.connect("ssd-1")
    make_file_system(device, "-L", "kubewright")
    content = host.fake / "content/ssd-1"
    content.mkdir(parents=True)
    (content / "letters").write_text("mine")
    result = host.run()
    assert "disk data: has files without the file .kubewright-disk" in result.stderr
    assert host.calls() == ["mount", "umount"]
    assert [path.name for path in content.iterdir()] == ["letters"]


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("partition", "is in use (its partitions)"),
        ("holder", "is in use (dm-3)"),
        ("mount", "is in use (mounted at /srv)"),
        ("swap", "is in use (swap)"),
    ],
)
def test_blank_disk_that_something_uses_is_refused(host: DiskHost, user: str, message: str) -> None:
    device = host.connect("ssd-1")
    system = host.root / "sys/class/block/ssd-1"
    (system / "holders").mkdir()
    (system / "dev").write_text("8:16\n")
    if user == "partition":
        (system / "ssd-1p1").mkdir()
        (system / "ssd-1p1/partition").write_text("1\n")
    elif user == "holder":
        (system / "holders/dm-3").touch()
    elif user == "mount":
        (host.root / "proc/self/mountinfo").write_text("30 1 8:16 / /srv rw - ext4 /dev/x rw\n")
    else:
        (host.root / "proc/swaps").write_text(f"Filename Type\n{device} partition\n")
    assert_refused(host, device, message)


def test_disk_smaller_than_its_capacity_is_refused(host: DiskHost) -> None:
    device = host.connect("ssd-1")
    host.configure("data=ssd-1", capacity=SIZE + 1)
    assert_refused(
        host, device, f"has {SIZE} bytes, less than its capacity of {SIZE + 1}; lower the capacity"
    )


def test_missing_disk_fails_a_delivery_and_not_a_boot(host: DiskHost) -> None:
    result = host.run()
    assert result.returncode == 1
    assert f"disk data: {BY_ID}/ssd-1 does not exist on this host" in result.stderr
    assert host.run("boot").returncode == 0
    assert host.calls().count("sleep") == 30


def test_problem_of_one_disk_does_not_affect_the_other(host: DiskHost) -> None:
    host.configure("data=ssd-1", "logs=ssd-2")
    write_at(host.connect("ssd-1"), 0, b"data")
    host.connect("ssd-2")
    result = host.run()
    assert result.returncode == 1
    assert "disk data:" in result.stderr
    assert "disk logs:" not in result.stderr
    assert (host.path("logs") / "volume").is_dir()


def test_exchanged_disks_are_refused(host: DiskHost) -> None:
    host.configure("data=ssd-1", "logs=ssd-2")
    host.connect("ssd-1")
    host.connect("ssd-2")
    assert host.run().returncode == 0
    host.configure()
    assert host.run().returncode == 0
    host.calls()
    host.configure("data=ssd-2", "logs=ssd-1")
    result = host.run()
    assert result.returncode == 1
    assert "disk data: the device is the disk logs, and its data stay" in result.stderr
    assert host.calls() == ["mount", "umount", "mount", "umount"]


def test_removed_disk_is_unmounted_and_keeps_its_data(host: DiskHost) -> None:
    device = host.connect("ssd-1")
    host.run()
    (host.path("data") / "volume/file").write_text("data")
    before = digest(device)
    host.configure()
    result = host.run()
    assert result.returncode == 0
    assert "disk data: unmounted; its data stay" in result.stdout
    assert not host.path("data").exists()
    assert digest(device) == before
    host.configure("data=ssd-1")
    assert host.run().returncode == 0
    assert (host.path("data") / "volume/file").read_text() == "data"


def test_disk_that_pods_use_is_not_unmounted(host: DiskHost) -> None:
    host.connect("ssd-1")
    host.run()
    table = host.root / "proc/self/mountinfo"
    [line] = table.read_text().splitlines()
    pod = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~local-volume/disk-w-1-data"
    table.write_text(f"{line}\n{line.replace(str(host.path('data')), pod)}\n")
    host.calls()
    host.configure()
    result = host.run()
    assert result.returncode == 1
    assert "disk data: pods of this host use it; delete their claims" in result.stderr
    assert host.calls() == []


def test_disk_with_another_device_is_the_other_disk(host: DiskHost) -> None:
    """A broken disk is replaced by a new one."""
    old = host.connect("ssd-1")
    host.connect("ssd-2")
    host.run()
    (host.path("data") / "volume/file").write_text("data")
    before = digest(old)
    host.calls()
    host.configure("data=ssd-2")
    result = host.run()
    assert result.returncode == 0, result.stderr
    assert host.calls() == ["umount", "mkfs.ext4", "mount"]
    assert not list((host.path("data") / "volume").iterdir())
    assert digest(old) == before


def test_device_does_not_change_under_pods(host: DiskHost) -> None:
    host.connect("ssd-1")
    host.connect("ssd-2")
    host.run()
    table = host.root / "proc/self/mountinfo"
    [line] = table.read_text().splitlines()
    table.write_text(f"{line}\n{line.replace(str(host.path('data')), '/var/lib/kubelet/pods/1/x')}\n")
    host.calls()
    host.configure("data=ssd-2")
    result = host.run()
    assert result.returncode == 1
    assert "disk data: pods of this host use it; delete their claims" in result.stderr
    assert host.calls() == []


def test_unit_unmounts_only_when_it_is_removed(host: DiskHost) -> None:
    host.connect("ssd-1")
    host.run()
    host.calls()
    host.enable_unit()
    assert host.run("stop").returncode == 0
    assert host.calls() == []
    (host.root / "etc/systemd/system/multi-user.target.wants/kubewright-disks.service").unlink()
    assert host.run("stop").returncode == 0
    assert host.calls() == ["umount"]


def test_xfs_disk_gets_xfs(host: DiskHost) -> None:
    host.connect("ssd-1")
    host.configure("data=ssd-1", file_system="xfs")
    host.run()
    assert host.calls() == ["mkfs.xfs", "mount"]
