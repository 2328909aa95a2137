"""Tests of the search for copies of snapshots and of their decryption, with a program in place of age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.cli.app import run
from automation.errors import UserError
from automation.operations import snapshot_copies
from automation.operations.remote import Remote, ScriptResult
from automation.operations.snapshot import NEWEST
from automation.operations.target import Target
from testkit.age_keys import create_key
from testkit.bundles import cluster
from topology.snapshot_targets import Directory, SnapshotTarget

KEY = create_key()
PAGES = b"p" * 1024
SNAPSHOT = PAGES + sha256(PAGES).digest()
AGE = """#!/bin/sh
while [ $# -gt 1 ]; do case $1 in --output) output=$2 ;; esac; shift; done
printf part >"$output"
case $(head -c 5 "$1") in
WRONG) printf 'age: error: no identity matched any of the recipients\n' >&2; exit 1 ;;
SHORT) printf 'age: error: unexpected EOF\nage: report errors\n' >&2; exit 1 ;;
esac
cp "$1" "$output"
"""


class MountedHosts:
    """Fake members. `copies` are the files of each member; None for an unreachable member."""

    def __init__(self, copies: Mapping[str, Mapping[str, bytes] | None]) -> None:
        self.copies = copies

    def run_on_all(self, hosts: Iterable[str], script: str, **_: object) -> dict[str, ScriptResult]:
        assert "/mnt/nas/t" in script
        return {host: self._list(host) for host in hosts}

    def _list(self, host: str) -> ScriptResult:
        copies = self.copies.get(host)
        if copies is None:
            return ScriptResult(host, 255, "", "No route to host", reached=False)
        listed = "".join(f"{len(content)} {name}\n" for name, content in copies.items())
        return ScriptResult(host, 0, listed, "")

    def fetch(self, host: str, script: str, target: Path, **_: object) -> ScriptResult:
        copies = self.copies[host]
        assert copies is not None
        name = script.rpartition("/")[2]
        target.write_bytes(copies[name])
        return ScriptResult(host, 0, "", "")


@pytest.fixture
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a private key, with a program in place of age."""
    program = tmp_path / "age"
    program.write_text(AGE)
    program.chmod(0o755)
    monkeypatch.setattr(snapshot_copies, "provide_tool", lambda *_: program)
    return KEY.write(tmp_path / "identity")


def target_with(tmp_path: Path, copies: Mapping[str, Mapping[str, bytes] | None]) -> Target:
    built = cluster(etcd=3, workers=1)
    nas = SnapshotTarget(name="nas", store=Directory("/mnt/nas"), prefix="t", keep=3)
    return cast(
        Target,
        SimpleNamespace(
            stack="dev",
            environment=SimpleNamespace(state=tmp_path / "state"),
            topology=replace(built, snapshots=replace(built.snapshots, targets=(nas,))),
            remote=cast(Remote, MountedHosts(copies)),
        ),
    )


def name(time: str, member: str) -> str:
    return f"etcd-{time}-{member}.db.age"


def fetch(target: Target, identity: Path, snapshot: str = NEWEST) -> Path:
    return snapshot_copies.fetch_copy(target, "nas", snapshot, identity)


def test_the_newest_copy_of_any_member_is_decrypted_with_its_checksum(tmp_path: Path, identity: Path) -> None:
    """Names of members do not decide which copy is the newest."""
    old, new = name("20261119T000000Z", "e-1"), name("20261120T000000Z", "e-0")
    target = target_with(
        tmp_path, {"e-0": {new: SNAPSHOT, "notes.txt": b""}, "e-1": {old: b"x"}, "e-2": None}
    )
    snapshot = fetch(target, identity)
    assert snapshot.name == new.removesuffix(".age")
    assert snapshot.read_bytes() == SNAPSHOT
    assert snapshot.stat().st_mode & 0o077 == 0
    from automation.operations.restore import verify_snapshot

    assert verify_snapshot(snapshot) == sha256(SNAPSHOT).hexdigest()
    assert fetch(target, identity, new).read_bytes() == SNAPSHOT
    assert fetch(target, identity, "latest").name == snapshot.name, "a name of earlier versions"
    assert fetch(target, identity, new.removesuffix(".age")).read_bytes() == SNAPSHOT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"WRONG", "the private key in this file does not decrypt etcd-20261120T000000Z-e-0.db"),
        (b"SHORT", r"the copy is damaged or not complete \(unexpected EOF\); nothing was restored"),
        (SNAPSHOT[:-1], "is not a complete snapshot of etcd"),
        (SNAPSHOT[:512] + SNAPSHOT[1024:], "is not a complete snapshot of etcd"),
        (b"x" * 32, "is not a complete snapshot of etcd"),
    ],
)
def test_a_copy_that_is_not_verified_leaves_no_file(
    tmp_path: Path, identity: Path, content: bytes, message: str
) -> None:
    target = target_with(tmp_path, {"e-0": {name("20261120T000000Z", "e-0"): content}})
    with pytest.raises(UserError, match=message):
        fetch(target, identity)
    assert list((tmp_path / "state/snapshots/dev").iterdir()) == []


def test_missing_copies_and_targets_are_named(tmp_path: Path, identity: Path) -> None:
    copy = name("20261120T000000Z", "e-0")
    target = target_with(tmp_path, {"e-0": {copy: SNAPSHOT}})
    with pytest.raises(UserError, match=f"has no copy etcd-x.db.age; its newest copies are {copy}"):
        fetch(target, identity, "etcd-x.db")
    with pytest.raises(
        UserError, match=r"offsite: no such target in etcd\.snapshots\.to of stack dev; targets: nas"
    ):
        snapshot_copies.fetch_copy(target, "offsite", NEWEST, identity)
    with pytest.raises(UserError, match="target nas: has no copies in /mnt/nas/t"):
        fetch(target_with(tmp_path, {"e-0": {}}), identity)
    with pytest.raises(UserError, match=r"no member has copies in /mnt/nas/t .*No route to host"):
        fetch(target_with(tmp_path, {}), identity)


def test_a_file_without_a_private_key_is_refused_before_the_download(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.write_text(f"{KEY.recipient}\n")
    target = target_with(tmp_path, {})
    with pytest.raises(UserError, match=f"{public}: has no private key of age"):
        fetch(target, public)
    with pytest.raises(UserError, match="cannot be read; give the file of age-keygen"):
        fetch(target, tmp_path / "absent")


def test_an_encrypted_file_is_decrypted_without_a_target(tmp_path: Path, identity: Path) -> None:
    encrypted = tmp_path / name("20261120T000000Z", "e-0")
    encrypted.write_bytes(SNAPSHOT)
    target = target_with(tmp_path, {})
    snapshot = snapshot_copies.decrypt_file(target, encrypted, identity)
    assert snapshot.read_bytes() == SNAPSHOT
    with pytest.raises(UserError, match=r"absent\.age: no such snapshot"):
        snapshot_copies.decrypt_file(target, tmp_path / "absent.age", identity)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--snapshot or --from: one of them is required"),
        (["--from", "nas"], "--identity: required with --from"),
        (["--snapshot", "etcd-x.db.age"], "--identity: required for the encrypted copy etcd-x.db.age"),
    ],
)
def test_incomplete_options_are_reported(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["restore", "--stack", "dev", "--yes", *options]) == 1
    assert message in capsys.readouterr().err
