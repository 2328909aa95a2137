"""Tests of encrypted copies of snapshots in emulated S3 and Azure Blob, with a real etcd member on loopback.

The copies are encrypted by age and sent by rclone, as on hosts. The member is restored from a copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from artifacts.acquire import fetch_or_build
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from assembly import build_topology, target_credentials
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.operations import restore, snapshot_copies
from automation.operations.copy_facts import CopyFact, parse_copies
from automation.operations.snapshot import NEWEST
from automation.operations.target import Target
from nodeconfig import snapshot_targets
from nodeconfig.sources import source_path
from settings import Settings, load
from testkit.age_keys import create_key
from testkit.etcd_members import BINARIES, EtcdHost, etcd_topology, start_together
from testkit.pki import create_secrets
from testkit.snapshot_stores import ACCOUNT, BUCKET, Stores, serve_stores
from tests.unit.settings.support import ONE_HOST, with_edits

pytestmark = pytest.mark.release

NAMES = ("a",)
PREFIX = "one"
KEY, OTHER_KEY = create_key(), create_key()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with serve_stores(tmp_path_factory.mktemp("stores")) as stores:
        yield stores


@dataclass
class CopyingMember:
    """A running etcd member, whose snapshots are copied to the stores."""

    host: EtcdHost
    stores: Stores
    directory: Path
    edits: dict[str, object] = field(default_factory=dict)

    @property
    def raw(self) -> dict[str, Any]:
        """The object `kubewright:cluster`."""
        section = {"etcd.snapshots": {"recipients": [KEY.recipient], "to": self.stores.targets()}}
        return with_edits(with_edits(ONE_HOST, section), self.edits)

    @property
    def settings(self) -> Settings:
        return load(self.raw)

    def take_snapshot(self) -> subprocess.CompletedProcess[str]:
        """Run the program of the unit, with the files that a delivery writes."""
        root, settings = self.host.root, self.settings
        shutil.rmtree(root / "etc/etcd/snapshot-targets", ignore_errors=True)
        authority = {str(self.stores.authority): self.stores.authority.read_text()}
        topology = build_topology(settings, files=authority)
        component = snapshot_targets.component(topology)
        for file in component.files:
            self.host.write_host_file(file.path, file.content.replace("=/etc/etcd", f"={root}/etc/etcd"))
        texts = {
            item.target.secret: item.text(item.secret.get_secret_value())
            for item in target_credentials(settings)
        }
        for secret in component.secrets:
            self.host.write_host_file(secret.path, texts[secret.secret])
        own = snapshot_targets.unit_environment(topology.snapshots)
        pki = root / "etc/etcd/pki"
        environment = {
            "PATH": f"{root / BINARIES}:/usr/bin:/bin",
            "NODE_NAME": self.host.name,
            "DIRECTORY": str(self.directory),
            "KEEP": "2",
            "COPY_TO": "",
            "RECORD_PROGRAM": str(source_path("etcd-record.sh")),
            "COPY_TARGETS": ",".join(topology.snapshots.copy_targets),
            "ETCDCTL_ENDPOINTS": f"https://{self.host.member.address}:2379",
            "ETCDCTL_CACERT": f"{pki}/etcd-ca.crt",
            "ETCDCTL_CERT": f"{pki}/operator.crt",
            "ETCDCTL_KEY": f"{pki}/operator.key",
            **{name: f"{root}{path}" for name, path in own.items()},
        }
        program = source_path("etcd-snapshot.sh")
        return subprocess.run(
            ["sh", str(program)], env=environment, capture_output=True, text=True, timeout=120
        )

    @property
    def records(self) -> dict[str, CopyFact]:
        """What `status` reads, by target."""
        lines = [
            f"{path.name} {line}"
            for path in (self.directory / "targets").iterdir()
            for line in path.read_text().splitlines()
        ]
        return {fact.target: fact for fact in parse_copies(lines)}

    def assert_only_complete_files(self, snapshots: int) -> None:
        """Assert that the directory has this number of snapshots, and nothing else."""
        assert len(list(self.directory.glob("etcd-*.db"))) == snapshots
        assert list(self.directory.rglob(".*")) == []

    def target(self, state: Path) -> Target:
        """Return the stack for the operations of the deployer."""
        return cast(
            Target,
            SimpleNamespace(
                stack="one",
                engine=None,
                environment=SimpleNamespace(state=state),
                topology=build_topology(self.settings),
            ),
        )


@pytest.fixture
def member(tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[CopyingMember]:
    secrets = create_secrets(etcd_topology(NAMES))
    host = EtcdHost(tmp_path / "a", "a", secrets)
    for name in ("age", "rclone"):
        program = fetch_or_build(binary(name), Cache.default(), Progress(quiet=True))
        (host.root / BINARIES / name).symlink_to(program)
    (host.root / "systemctl").write_text("#!/bin/sh\n[ $1 != is-active ]\n")
    (host.root / "systemctl").chmod(0o755)
    host.configure(NAMES)
    stores.clear()
    copying = CopyingMember(host, stores, tmp_path / "snapshots")
    monkeypatch.setattr(snapshot_copies, "decrypted_config", lambda _: {CLUSTER_KEY: copying.raw})
    try:
        start_together([host])
        yield copying
    finally:
        host.kill()


def restore_member(host: EtcdHost, snapshot: Path) -> None:
    """Run the steps of `restore` on the host of the only member, except its start."""
    variables = restore.member_variables(
        etcd_topology(NAMES), restore.verify_snapshot(snapshot), "20261120T000000Z"
    )
    environment = {"KUBEWRIGHT_ROOT": str(host.root), "PATH": f"{host.root}:/usr/bin:/bin"}
    for step in ("receive", "prepare", "swap"):
        text = restore.step_script(step, variables[host.name])
        with snapshot.open("rb") as source:
            result = subprocess.run(
                ["sh", "-c", text], env=environment, stdin=source, capture_output=True, text=True, timeout=60
            )
        assert result.returncode == 0, f"{step}: {result.stderr}"


def test_a_member_is_restored_from_the_newest_copy_in_s3_and_in_azure(
    member: CopyingMember, tmp_path: Path
) -> None:
    identity = KEY.write(tmp_path / "identity")
    member.host.etcdctl("put", "first", "x" * 1000)
    assert member.take_snapshot().returncode == 0
    member.host.etcdctl("put", "second", "y")
    result = member.take_snapshot()
    assert result.returncode == 0, result.stderr
    member.host.etcdctl("put", "later", "z")

    for source in ("s3", "blob"):
        member.host.kill()
        shutil.rmtree(member.host.root / "var/lib/etcd/member")
        snapshot = snapshot_copies.fetch_copy(member.target(tmp_path / source), source, NEWEST, identity)
        restore_member(member.host, snapshot)
        start_together([member.host])
        assert member.host.etcdctl("get", "second").split() == ["second", "y"]
        assert member.host.etcdctl("get", "later") == ""


def test_copies_are_unreadable_and_as_many_as_the_setting(member: CopyingMember) -> None:
    member.host.etcdctl("put", "secret-of-a-workload", "v")
    for number in range(3):
        member.host.etcdctl("put", "n", str(number))
        assert member.take_snapshot().returncode == 0
        time.sleep(1)  # names have the time in seconds
    assert len(member.stores.objects) == 2
    assert len(member.stores.blobs) == 3
    name = max(member.stores.objects)
    content = member.stores.read(name)
    assert content.startswith(b"age-encryption.org/v1")
    assert b"secret-of-a-workload" not in content
    assert {fact.name for fact in member.records.values()} == {Path(name).name}
    member.assert_only_complete_files(2)


def test_refused_copies_leave_the_local_snapshots_and_give_the_reason(member: CopyingMember) -> None:
    member.edits = {
        "etcd.snapshots.to.s3.s3.secret_access_key": "wrong",
        "etcd.snapshots.to.blob.azure_blob.endpoint": f"https://127.0.0.1:9/{ACCOUNT}",
    }
    for _ in range(2):
        result = member.take_snapshot()
        assert result.returncode == 75
    assert "Forbidden" in member.records["s3"].reason
    assert "connection refused" in member.records["blob"].reason
    assert "sig=" not in result.stderr
    member.assert_only_complete_files(2)
    assert (member.stores.objects, member.stores.blobs) == ([], {})
    member.edits = {}
    assert member.take_snapshot().returncode == 0
    assert all(fact.failed is None and fact.copied for fact in member.records.values())


def test_another_key_and_a_truncated_copy_restore_nothing(member: CopyingMember, tmp_path: Path) -> None:
    assert member.take_snapshot().returncode == 0
    target, state = member.target(tmp_path / "state"), tmp_path / "state"
    other = OTHER_KEY.write(tmp_path / "other")
    with pytest.raises(UserError, match="the private key in this file does not decrypt etcd-"):
        snapshot_copies.fetch_copy(target, "s3", NEWEST, other)

    identity = KEY.write(tmp_path / "identity")
    [name] = member.stores.objects
    content = member.stores.read(name)
    for damaged in (content[: len(content) // 2], content[:-1], content[:-20] + bytes(20), content[:100]):
        member.stores.s3.put_object(Bucket=BUCKET, Key=name, Body=damaged)
        with pytest.raises(UserError, match="is damaged or not complete"):
            snapshot_copies.fetch_copy(target, "s3", NEWEST, identity)
    assert [path for path in state.rglob("*") if path.is_file()] == []
    member.stores.s3.put_object(Bucket=BUCKET, Key=name, Body=content)
    assert snapshot_copies.fetch_copy(target, "s3", Path(name).name, identity).is_file()


def test_a_mounted_directory_gets_the_copies(member: CopyingMember) -> None:
    mount = Path("/dev/shm") / f"kubewright-copies-{os.getpid()}"
    mount.mkdir()
    try:
        member.edits = {"etcd.snapshots.to.nas": {"path": str(mount), "keep": 1}}
        for _ in range(2):
            result = member.take_snapshot()
            assert result.returncode == 0, result.stderr
        [copy] = (mount / PREFIX).iterdir()
        assert copy.name == member.records["nas"].name
        assert copy.stat().st_mode & 0o077 == 0
    finally:
        shutil.rmtree(mount)
