"""Tests of the program that copies snapshots to targets, with sh programs in place of age and rclone."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from artifacts.mirror import optional_artifacts
from nodeconfig import bundles, snapshot_targets
from nodeconfig.sources import source_path
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

AGE = """#!/bin/sh
[ ! -e "$FAKE/full" ] || { echo "age: error: write: no space left on device" >&2; exit 1; }
for word; do case $word in --output=*) output=${word#*=} ;; --recipients-file=*) keys=${word#*=} ;; esac; done
for last; do :; done
{ cat "$keys"; tr a-z n-za-m <"$last"; } >"$output"
"""
RCLONE = """#!/bin/sh
echo "$* $(env | grep -c ^RCLONE_CONFIG_TARGET_SECRET)" >>"$FAKE/calls"
[ ! -e "$FAKE/blocked" ] || exec sleep 60
[ ! -e "$FAKE/unreachable-$RCLONE_CONFIG_TARGET_TYPE" ] || {
    echo "2026/11/23 07:00:00 NOTICE: Failed to $1: dial tcp: refused (sig=hidden&x)" >&2
    exit 1
}
stores=$FAKE/stores/$RCLONE_CONFIG_TARGET_TYPE
place() { case $1 in target:*) echo "$stores/${1#*:}" ;; *) echo "$1" ;; esac; }
while :; do case $1 in --format=s) size=yes ;; --*) ;; *) break ;; esac; shift; done
command=$1
shift
while :; do case $1 in --format=s) size=yes ;; --*) ;; *) break ;; esac; shift; done
case $command in
copyto)
    target=$(place "$2")
    mkdir -p "${target%/*}"
    if [ -e "$FAKE/short" ]; then head -c 3 "$1" >"$target"; else cp "$1" "$target"; fi
    ;;
lsf) if [ "${size:-}" ]; then stat -c %s "$(place "$1")"; else ls -1 "$(place "$1")"; fi ;;
deletefile) rm "$(place "$1")" ;;
esac
"""
SETTINGS = {
    "recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
    "to": {
        "blob": {
            "keep": 2,
            "azure_blob": {"account": "backups", "container": "etcd", "sas_token": "sv=1&sig=x"},
        },
        "s3": {
            "keep": 3,
            "s3": {
                "bucket": "etcd",
                "region": "eu-central-1",
                "access_key_id": "key-1",
                "secret_access_key": "s",
            },
        },
    },
}
TOPOLOGY = cluster(sections={"etcd": {"snapshots": SETTINGS}})


class CopyingHost:
    """A directory that emulates the host `cp-1`, with the files that its bundle has."""

    def __init__(self, directory: Path) -> None:
        self.fake, self.snapshots = directory / "fake", directory / "snapshots"
        self.targets = directory / "targets"
        for path in (self.fake, self.snapshots, self.targets):
            path.mkdir()
        for name, text in {"age": AGE, "rclone": RCLONE}.items():
            (self.fake / name).write_text(text)
            (self.fake / name).chmod(0o755)
        component = snapshot_targets.component(TOPOLOGY)
        for file in component.files:
            (self.targets / Path(file.path).name).write_text(file.content)
        (self.targets / "s3.env").write_text("RCLONE_CONFIG_TARGET_SECRET_ACCESS_KEY='a b'\n")

    def copy(self, number: int, *, seconds: int = 20) -> subprocess.CompletedProcess[str]:
        """Copy a new snapshot to all targets."""
        snapshot = self.snapshots / f"etcd-20261123T0000{number:02d}Z-cp-1.db"
        snapshot.write_text(f"objects of {number}")
        environment = {
            "PATH": f"{self.fake}:{os.environ['PATH']}",
            "FAKE": str(self.fake),
            "NODE_NAME": "cp-1",
            "DIRECTORY": str(self.snapshots),
            "TARGETS": str(self.targets),
            "RECIPIENTS": str(self.targets / "snapshot-recipients"),
            "TARGET_SECONDS": str(seconds),
            "RECORD_PROGRAM": str(source_path("etcd-record.sh")),
        }
        program = source_path("etcd-snapshot-targets.sh")
        return subprocess.run(
            ["sh", str(program), str(snapshot)], env=environment, capture_output=True, text=True, timeout=60
        )

    def stored(self, kind: str) -> list[str]:
        return sorted(path.name for path in (self.fake / "stores" / kind / "etcd/t").glob("*"))

    def record(self, target: str) -> list[list[str]]:
        """Return the words of the lines that `status` reads."""
        return [line.split() for line in (self.snapshots / "targets" / target).read_text().splitlines()]

    def partial_files(self) -> list[Path]:
        return list(self.snapshots.rglob(".*"))


@pytest.fixture
def host(tmp_path: Path) -> CopyingHost:
    return CopyingHost(tmp_path)


def test_each_target_has_the_encrypted_copy_and_the_record_its_digest(host: CopyingHost) -> None:
    result = host.copy(1)
    assert (result.returncode, result.stderr) == (0, "")
    for kind, target in {"azureblob": "blob", "s3": "s3"}.items():
        assert host.stored(kind) == ["etcd-20261123T000001Z-cp-1.db.age"]
        content = (host.fake / "stores" / kind / "etcd/t" / host.stored(kind)[0]).read_bytes()
        assert b"objects" not in content, "the copy is not encrypted"
        [[word, seconds, name, size, digest]] = host.record(target)
        assert (word, name) == ("copied", host.stored(kind)[0])
        assert (int(size), digest) == (len(content), sha256(content).hexdigest())
        assert seconds.isdigit()
    assert host.partial_files() == []


def test_credentials_are_in_the_environment_of_their_target_only(host: CopyingHost) -> None:
    assert host.copy(1).returncode == 0
    calls = (host.fake / "calls").read_text().splitlines()
    assert {call.split()[-1] for call in calls if "etcd/t" in call} == {"0", "1"}
    assert "a b" not in "".join(calls)


def test_targets_keep_their_number_of_copies_and_those_of_other_members(host: CopyingHost) -> None:
    store = host.fake / "stores/s3/etcd/t"
    store.mkdir(parents=True)
    others = ["etcd-20251120T000000Z-1.db.age", "etcd-20251120T000000Z-x-cp-1.db.age", "notes.txt"]
    for name in others:
        (store / name).touch()
    for number in range(5):
        assert host.copy(number).returncode == 0
    own = [f"etcd-20261123T0000{number:02d}Z-cp-1.db.age" for number in range(5)]
    assert host.stored("azureblob") == own[-2:]
    assert host.stored("s3") == sorted([*others, *own[-3:]])


def test_an_unreachable_target_is_recorded_and_does_not_stop_the_others(host: CopyingHost) -> None:
    assert host.copy(1).returncode == 0
    (host.fake / "unreachable-azureblob").touch()
    for number in (2, 3):
        result = host.copy(number)
        assert result.returncode == 1
        assert "etcd-snapshot: no copy in target blob: " in result.stderr
        assert "dial tcp: refused" in result.stderr
        assert "hidden" not in result.stderr, "the signature of a URL must not be in logs"
    copied, failed = host.record("blob")
    assert copied[2] == "etcd-20261123T000001Z-cp-1.db.age", "the last copy stays in the record"
    assert failed[0] == "failed"
    assert "refused" in " ".join(failed)
    assert host.stored("s3")[-1] == "etcd-20261123T000003Z-cp-1.db.age"
    assert host.partial_files() == [], "encrypted copies pile up"
    (host.fake / "unreachable-azureblob").unlink()
    assert host.copy(4).returncode == 0
    assert [line[0] for line in host.record("blob")] == ["copied"], "a success removes the failure"


def test_a_blocked_target_ends_with_a_time_out_and_leaves_no_file(host: CopyingHost) -> None:
    (host.fake / "blocked").touch()
    result = host.copy(1, seconds=1)
    assert result.returncode == 1
    assert host.record("s3")[0][2:] == ["not", "complete", "after", "1", "s"]
    assert host.partial_files() == []


def test_a_truncated_copy_is_a_failure(host: CopyingHost) -> None:
    (host.fake / "short").touch()
    result = host.copy(1)
    assert result.returncode == 1
    assert "the copy has 3 bytes, not " in result.stderr


def test_a_snapshot_that_cannot_be_encrypted_is_not_copied(host: CopyingHost) -> None:
    (host.fake / "full").touch()
    result = host.copy(1)
    assert result.returncode == 1
    assert "the snapshot cannot be encrypted: age: error: write: no space left on device" in result.stderr
    assert host.stored("s3") == []
    assert [host.record(target)[0][0] for target in ("blob", "s3")] == ["failed", "failed"]


def test_a_directory_that_is_not_mounted_gets_no_copy(host: CopyingHost, tmp_path: Path) -> None:
    """Otherwise the copies would fill the disk that they should outlive."""
    mount = tmp_path / "nas"
    text = f"REMOTE={mount}/t\nKEEP=2\nMOUNT={mount}\n"
    (host.targets / "nas.conf").write_text(text)
    assert f"{mount} does not exist; create it" in host.copy(1).stderr
    mount.mkdir()
    assert f"{mount} is on the same file system as {host.snapshots}" in host.copy(2).stderr
    assert list(mount.iterdir()) == []


def test_only_clusters_with_targets_have_the_programs_and_secrets() -> None:
    bundle = bundles(TOPOLOGY, FakeIndex())["cp-1", Role.ETCD]
    assert {"age", "rclone"} <= {artifact.name for artifact in bundle.artifacts}
    secrets = {file.path: file.secret for file in bundle.secrets if "snapshot" in file.path}
    assert secrets == {
        f"/etc/etcd/snapshot-targets/{name}.env": f"snapshots-{name}.env" for name in ("blob", "s3")
    }
    assert optional_artifacts(TOPOLOGY) == ("age", "rclone")
    without = cluster()
    assert optional_artifacts(without) == ()
    plain = bundles(without, FakeIndex())["cp-1", Role.ETCD]
    assert not {"age", "rclone"} & {artifact.name for artifact in plain.artifacts}
    assert "snapshot-targets" not in "".join(file.path + file.content for file in plain.files)


def test_the_visible_text_has_the_settings_of_targets_without_their_secrets() -> None:
    files = {file.path: file.content for file in bundles(TOPOLOGY, FakeIndex())["cp-1", Role.ETCD].files}
    assert files["/etc/etcd/snapshot-targets/s3.conf"].splitlines() == [
        "REMOTE=target:etcd/t",
        "KEEP=3",
        "RCLONE_CONFIG_TARGET_TYPE=s3",
        "RCLONE_CONFIG_TARGET_NO_CHECK_BUCKET=true",
        "RCLONE_CONFIG_TARGET_PROVIDER=AWS",
        "RCLONE_CONFIG_TARGET_REGION=eu-central-1",
        "RCLONE_CONFIG_TARGET_ACCESS_KEY_ID=key-1",
    ]
    assert "sig=" not in "".join(text for path, text in files.items() if path.endswith(".conf"))
