"""Tests of the program that takes snapshots, with a file instead of etcd."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig import bundles, snapshots
from nodeconfig.sources import source_path
from testkit.bundles import FakeIndex, cluster
from topology.model import Role
from topology.options import Snapshots

ETCDCTL = """#!/bin/sh
for last; do :; done
[ ! -e "$FAKE/down" ] || { echo "no leader" >&2; exit 1; }
date +%N >"$last"
"""
DATE = """#!/bin/sh
case $1 in -u) read -r n <"$FAKE/time"; n=$((n + 1)); echo $n >"$FAKE/time"; echo "20261120T0000${n}Z" ;;
*) exec /bin/date "$@" ;; esac
"""


class SnapshotHost:
    """A directory with fake etcd tools, in which the snapshot program runs."""

    def __init__(self, directory: Path) -> None:
        self.fake, self.snapshots, self.copies = (
            directory / "fake",
            directory / "snapshots",
            directory / "copies",
        )
        self.fake.mkdir()
        self.copies.mkdir()
        (self.fake / "time").write_text("10\n")
        for name, text in {"etcdctl": ETCDCTL, "etcdutl": "#!/bin/sh\nexit 0\n", "date": DATE}.items():
            (self.fake / name).write_text(text)
            (self.fake / name).chmod(0o755)

    def install_boot_program(self) -> Path:
        """Install a boot program whose cloud is a directory, and return this directory."""
        cloud = self.fake / "cloud"
        cloud.mkdir()
        boot = self.fake / "root/usr/local/lib/kubewright-boot/boot"
        boot.parent.mkdir(parents=True)
        boot.write_text(
            '[ "$1 $2" = "call cloud_copy" ] && [ ! -e "$FAKE/lost" ] && cp "$4" "$FAKE/cloud/$3"\n'
        )
        return cloud

    def run(
        self, *, keep: int = 3, copy_to: str = "", to_cloud: bool = False
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.fake}:{os.environ['PATH']}",
            "FAKE": str(self.fake),
            "NODE_NAME": "cp-1",
            "DIRECTORY": str(self.snapshots),
            "KEEP": str(keep),
            "COPY_TO": copy_to,
            "COPY_SECONDS": "2",
            "KUBEWRIGHT_ROOT": str(self.fake / "root"),
            "RECORD_PROGRAM": str(source_path("etcd-record.sh")),
            "COPY_TARGETS": f"{'copy_to' if copy_to else ''},{'snapshot_copies' if to_cloud else ''}",
            **({"COPY_TO_CLOUD": "yes"} if to_cloud else {}),
        }
        program = source_path("etcd-snapshot.sh")
        return subprocess.run(
            ["sh", str(program)], env=environment, capture_output=True, text=True, timeout=30
        )

    def records(self, target: str) -> list[str]:
        """Return the lines that `status` reads about a target."""
        return (self.snapshots / "targets" / target).read_text().splitlines()

    def verified_snapshots(self, directory: Path) -> list[str]:
        """Return the snapshots in a directory. Assert valid checksums, and no other files except records."""
        names = sorted(path.name for path in directory.glob("*.db"))
        for name in names:
            digest = sha256((directory / name).read_bytes()).hexdigest()
            assert (directory / f"{name}.sha256").read_text() == f"{digest}  {name}\n"
        assert len([path for path in directory.iterdir() if path.name != "targets"]) == 2 * len(names)
        return names


@pytest.fixture
def member(tmp_path: Path) -> SnapshotHost:
    return SnapshotHost(tmp_path)


def test_the_newest_snapshots_are_kept_with_checksums_readable_only_by_root(member: SnapshotHost) -> None:
    for _ in range(5):
        result = member.run()
        assert result.returncode == 0, result.stderr
    assert member.verified_snapshots(member.snapshots) == [
        f"etcd-20261120T0000{n}Z-cp-1.db" for n in (13, 14, 15)
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in member.snapshots.iterdir())


def test_copies_have_separate_retention_and_do_not_affect_other_members(member: SnapshotHost) -> None:
    other = member.copies / "etcd-20251120T000000Z-cp-2.db"
    other.write_text("x")
    for _ in range(3):
        assert member.run(keep=2, copy_to=str(member.copies)).returncode == 0
    assert len(member.verified_snapshots(member.snapshots)) == 2
    assert sorted(path.name for path in member.copies.glob("*cp-1.db")) == member.verified_snapshots(
        member.snapshots
    )
    assert other.exists()


def test_an_incomplete_snapshot_is_not_kept(member: SnapshotHost) -> None:
    (member.fake / "etcdutl").write_text("#!/bin/sh\necho 'expected sha256' >&2\nexit 1\n")
    result = member.run()
    assert result.returncode == 1
    assert "the snapshot is not complete; is the disk full?" in result.stderr
    assert list(member.snapshots.glob("etcd-*")) == []


def test_a_copy_with_other_content_is_an_error_and_not_kept(member: SnapshotHost) -> None:
    """A full or faulty network file system may write less without an error of `cp`."""
    (member.fake / "cp").write_text('#!/bin/sh\nhead -c 4 "$1" >"$2"\n')
    (member.fake / "cp").chmod(0o755)
    result = member.run(copy_to=str(member.copies))
    assert result.returncode == 75
    assert f"the copy in {member.copies} differs" in result.stderr
    [failed] = member.records("copy_to")
    assert failed.split(" ", 2)[2] == f"the copy in {member.copies} differs"
    assert list(member.copies.glob("etcd-*")) == []
    assert len(member.verified_snapshots(member.snapshots)) == 1


def test_failed_copies_do_not_fill_the_directory_for_copies(member: SnapshotHost) -> None:
    """Each is as large as the data of etcd. Another member may be copying at the same time."""
    other = member.copies / ".etcd-20261120T000001Z-cp-2.db.part"
    other.write_text("x")
    (member.fake / "cp").write_text('#!/bin/sh\nhead -c 4 "$1" >"$2"\n')
    (member.fake / "cp").chmod(0o755)
    for _ in range(3):
        assert member.run(copy_to=str(member.copies)).returncode == 75
    assert len(list(member.copies.glob("*cp-1.db.part"))) == 1
    (member.fake / "cp").unlink()
    assert member.run(copy_to=str(member.copies)).returncode == 0
    other.unlink()
    assert len(member.verified_snapshots(member.copies)) == 1


def test_a_missing_directory_for_copies_fails_after_the_snapshot(member: SnapshotHost) -> None:
    result = member.run(copy_to="/nowhere/backup")
    assert result.returncode == 75
    assert "etcd-snapshot: no copy in /nowhere/backup" in result.stderr
    [failed] = member.records("copy_to")
    assert failed.startswith("failed ")
    assert failed.endswith("No such file or directory")
    assert len(member.verified_snapshots(member.snapshots)) == 1


def test_a_blocked_directory_for_copies_ends_with_a_time_out(member: SnapshotHost) -> None:
    slow = member.fake / "cp"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    result = member.run(copy_to=str(member.copies))
    assert result.returncode != 0
    assert "not complete after 2 s" in result.stderr
    [failed] = member.records("copy_to")
    assert failed.endswith(" not complete after 2 s")


def test_a_stopped_etcd_leaves_no_partial_file(member: SnapshotHost) -> None:
    assert member.run().returncode == 0
    (member.fake / "down").touch()
    result = member.run()
    assert result.returncode != 0
    assert "etcd did not deliver a snapshot" in result.stderr
    assert len(member.verified_snapshots(member.snapshots)) == 1


def test_members_take_snapshots_at_different_times() -> None:
    topology = cluster(etcd=3)
    all_bundles = bundles(topology, FakeIndex())
    path = f"/etc/systemd/system/{snapshots.TIMER}"
    timers = [
        next(file.content for file in all_bundles[member.name, Role.ETCD].files if file.path == path)
        for member in topology.etcd
    ]
    starts = [next(line for line in text.splitlines() if line.startswith("OnActiveSec")) for text in timers]
    assert starts == ["OnActiveSec=300s", "OnActiveSec=7500s", "OnActiveSec=14700s"]
    assert all("OnUnitActiveSec=21600s" in text for text in timers)


def test_every_snapshot_is_copied_to_another_region_with_its_checksum(member: SnapshotHost) -> None:
    cloud = member.install_boot_program()
    for _ in range(2):
        result = member.run(keep=1, to_cloud=True)
        assert result.returncode == 0, result.stderr
    assert "copied to another region" in result.stdout
    [copied] = member.records("snapshot_copies")
    assert copied.split()[2] == member.verified_snapshots(cloud)[-1]
    assert member.records("snapshot_copies")[0].startswith("copied ")
    assert len(member.verified_snapshots(cloud)) == 2
    assert len(member.verified_snapshots(member.snapshots)) == 1


def test_a_refused_copy_in_another_region_is_an_error_and_the_snapshot_remains(member: SnapshotHost) -> None:
    cloud = member.install_boot_program()
    (member.fake / "lost").touch()
    result = member.run(copy_to=str(member.copies), to_cloud=True)
    assert result.returncode == 75
    assert "no copy in another region" in result.stderr
    assert list(cloud.iterdir()) == []
    assert len(member.verified_snapshots(member.snapshots)) == 1
    assert len(member.verified_snapshots(member.copies)) == 1


def test_a_failed_copy_in_a_directory_does_not_stop_the_copy_in_another_region(member: SnapshotHost) -> None:
    cloud = member.install_boot_program()
    result = member.run(copy_to=str(member.fake / "missing"), to_cloud=True)
    assert result.returncode == 75
    assert len(member.verified_snapshots(cloud)) == 1


def test_an_interrupted_copy_has_no_checksum(member: SnapshotHost) -> None:
    """The checksum marks a copy as complete."""
    cloud = member.install_boot_program()
    boot = member.fake / "root/usr/local/lib/kubewright-boot/boot"
    boot.write_text(f'[ ! -e "$FAKE/used" ] || exit 1\n: >"$FAKE/used"\n{boot.read_text()}')
    assert member.run(to_cloud=True).returncode == 75
    assert [path.suffix for path in cloud.iterdir()] == [".db"]


@pytest.mark.parametrize(
    ("settings", "recorded"),
    [(Snapshots(), False), (Snapshots(copy_to="/mnt/nas"), True), (Snapshots(copy_to_cloud=True), True)],
)
def test_only_members_with_copies_record_results(settings: Snapshots, recorded: bool) -> None:
    bundle = bundles(replace(cluster(), snapshots=settings), FakeIndex())["cp-1", Role.ETCD]
    (unit,) = (file.content for file in bundle.files if file.path.endswith(snapshots.SERVICE))
    assert (f"Environment=RECORD_PROGRAM={snapshots.RECORD_PROGRAM}" in unit) is recorded
    assert (f"Environment=COPY_TARGETS={','.join(settings.copy_targets)}\n" in unit) is recorded
    assert (snapshots.RECORD_PROGRAM in {file.path for file in bundle.files}) is recorded


def test_records_of_removed_targets_are_removed(member: SnapshotHost) -> None:
    assert member.run(copy_to=str(member.copies)).returncode == 0
    assert member.run().returncode == 0
    assert [*(member.snapshots / "targets").iterdir()] == []


def test_a_result_that_cannot_be_recorded_does_not_stop_other_copies(member: SnapshotHost) -> None:
    """The unit does not retry after exit code 75: each attempt would add a snapshot."""
    cloud = member.install_boot_program()
    member.snapshots.mkdir()
    (member.snapshots / "targets").write_text("not a directory")
    result = member.run(copy_to=str(member.copies), to_cloud=True)
    assert result.returncode == 75
    assert len(list(cloud.glob("*.db"))) == 1
    assert len(list(member.copies.glob("*.db"))) == 1


def test_members_with_trial_restores_have_the_program_that_records_them() -> None:
    bundle = bundles(replace(cluster(), snapshots=Snapshots(verify="weekly")), FakeIndex())["cp-1", Role.ETCD]
    (unit,) = (file.content for file in bundle.files if file.path.endswith("/etcd-verify.service"))
    assert f"Environment=RECORD_PROGRAM={snapshots.RECORD_PROGRAM}\n" in unit
    assert snapshots.RECORD_PROGRAM in {file.path for file in bundle.files}


def test_a_failed_copy_keeps_the_record_of_the_last_one(member: SnapshotHost) -> None:
    assert member.run(copy_to=str(member.copies)).returncode == 0
    [copied] = member.records("copy_to")
    member.copies.rename(member.copies.with_name("unmounted"))
    for _ in range(2):
        assert member.run(copy_to=str(member.copies)).returncode == 75
    assert [line.split()[0] for line in member.records("copy_to")] == ["copied", "failed"]
    assert member.records("copy_to")[0] == copied
    member.copies.with_name("unmounted").rename(member.copies)
    assert member.run(copy_to=str(member.copies)).returncode == 0
    assert [line.split()[0] for line in member.records("copy_to")] == ["copied"]


def test_only_members_with_copies_in_another_region_have_the_variable() -> None:
    for copied in (False, True):
        topology = replace(cluster(), snapshots=Snapshots(copy_to_cloud=copied))
        bundle = bundles(topology, FakeIndex())["cp-1", Role.ETCD]
        (unit,) = (file.content for file in bundle.files if file.path.endswith(snapshots.SERVICE))
        assert ("Environment=COPY_TO_CLOUD=yes" in unit) is copied
