"""Tests of the data volume: formatted only once, checked, and never overwritten."""

from __future__ import annotations

import pytest

from testkit.boot import BootMachine, bundle, put_bundles
from topology.model import Role


class TestVolume:
    kind = "members/etcd"

    @pytest.fixture
    def member(self, machine: BootMachine) -> BootMachine:
        digest = put_bundles(machine, f"{self.kind}/e-1", bundle(Role.ETCD))
        machine.write_user_data(
            KIND=self.kind, UNIT="e-1", ROLES="etcd", DIGEST=digest, BOOT_NAME="e-1", VOLUME="vol-1"
        )
        (machine.fake / "device").write_bytes(bytes(2 << 20))
        return machine

    def test_a_blank_volume_gets_a_file_system_once(self, member: BootMachine) -> None:
        assert member.run("deliver").returncode == 0
        calls = member.calls()
        assert calls[0] == "mkfs.ext4 -q -m 0 -L kubewright FAKE/device"
        mounts = [line for line in calls if line.startswith("mount ")]
        assert mounts == [
            "mount /var/lib/kubewright-data",
            "mount /var/lib/etcd",
            "mount /var/lib/etcd-snapshots",
            "mount /etc/etcd/pki",
        ]
        assert calls.index("chown -R etcd:etcd /var/lib/kubewright-data/etcd") < calls.index(
            "restart etcd.service"
        )
        fstab = (member.root / "etc/fstab").read_text().splitlines()[1:]
        data = "/var/lib/kubewright-data"
        assert fstab[0] == f"UUID=12-34 {data} ext4 noatime,x-systemd.device-timeout=900,nofail 0 0"
        assert fstab[1] == f"{data}/etcd /var/lib/etcd none bind,nofail 0 0"
        # The next machine with this name finds the volume: it checks and grows the file system and never
        # formats the volume again.
        member.restart()
        assert member.run("deliver").returncode == 0
        later_calls = member.calls()
        assert later_calls[:2] == ["e2fsck -p FAKE/device", "resize2fs FAKE/device"]
        assert not [line for line in later_calls if line.startswith("mkfs")]
        assert (member.root / "etc/fstab").read_text().splitlines()[1:] == fstab

    def test_a_repaired_volume_is_used(self, member: BootMachine) -> None:
        (member.fake / "type").write_text("ext4\n")
        (member.fake / "e2fsck.code").write_text("1")
        assert member.run("deliver").returncode == 0

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("device", b"data" + bytes(2 << 20), "has no file system and is not blank; it is left as it is"),
            # Partition tables, LVM and RAID have their data behind the first blocks.
            ("device", bytes(4096) + b"data" + bytes(2 << 20), "has no file system and is not blank"),
            ("device", bytes((1 << 20) - 1) + b"d" + bytes(1 << 20), "has no file system and is not blank"),
            ("device", bytes(2 << 20) + b"data", "has no file system and is not blank"),
            ("device", bytes(2 << 20) + b"d" + bytes((1 << 20) - 1), "has no file system and is not blank"),
            ("device", bytes(1000), "has no file system and is not blank"),
            ("type", b"xfs\n", "has a file system of another kind, xfs"),
        ],
    )
    def test_a_volume_with_other_data_is_not_changed(
        self, member: BootMachine, file: str, content: bytes, message: str
    ) -> None:
        (member.fake / file).write_bytes(content)
        result = member.run("deliver")
        assert result.returncode == 1
        assert message in result.stderr
        assert "vol-1" in result.stderr
        assert not [line for line in member.calls() if line.startswith(("mkfs", "mount", "restart"))]

    def test_a_volume_whose_file_system_has_no_readable_id_is_not_mounted(self, member: BootMachine) -> None:
        """A line of fstab without the id would mount another volume, or none, after a restart."""
        (member.fake / "type").write_text("ext4\n")
        (member.fake / "blkid").write_text("#!/bin/sh\ncase $* in *UUID*) exit 2 ;; *) echo ext4 ;; esac\n")
        assert member.run("deliver").returncode != 0
        assert not [line for line in member.calls() if line.startswith(("mount", "restart"))]
        assert "kubewright-data" not in (member.root / "etc/fstab").read_text()

    def test_a_damaged_volume_stops_the_member(self, member: BootMachine) -> None:
        (member.fake / "type").write_text("ext4\n")
        (member.fake / "e2fsck.code").write_text("4")
        result = member.run("deliver")
        assert result.returncode == 1
        assert "is damaged: what e2fsck says; repair it by hand" in result.stderr
        assert not [line for line in member.calls() if line.startswith(("mount", "restart"))]

    def test_a_member_does_not_start_without_its_volume(self, member: BootMachine) -> None:
        (member.fake / "device").unlink()
        result = member.run("deliver")
        assert "the data volume vol-1 cannot be had" in result.stderr
        assert not [line for line in member.calls() if line.startswith("restart")]

    def test_a_grown_volume_gets_a_larger_file_system_without_a_restart(self, member: BootMachine) -> None:
        size = member.root / "sys/class/block/nvme1n1/size"
        size.parent.mkdir(parents=True)
        size.write_text("20971520\n")
        (member.fake / "findmnt").write_text("#!/bin/sh\necho /dev/nvme1n1\n")
        (member.fake / "findmnt").chmod(0o755)
        assert member.run("deliver").returncode == 0
        assert member.run("repair").returncode == 0
        member.calls()
        assert member.run("repair").returncode == 0
        assert member.calls() == []
        size.write_text("41943040\n")
        assert member.run("repair").returncode == 0
        assert member.calls() == ["resize2fs /dev/nvme1n1"]
