"""Tests of `snapshot`: only a complete download of a healthy member is kept."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.errors import UserError
from automation.operations.remote import ScriptResult
from automation.operations.restore import verify_snapshot
from automation.operations.snapshot import snapshot
from automation.operations.target import Target
from testkit.bundles import cluster

CONTENT = b"the data of etcd"
DIGEST = sha256(CONTENT).hexdigest()


class Members:
    """Etcd members that answer with a snapshot. `unhealthy` members answer with an error and a part of it."""

    def __init__(self, *, unhealthy: tuple[str, ...] = (), reported: str = f"sha256 {DIGEST}\n") -> None:
        self.unhealthy, self.reported = unhealthy, reported
        self.asked: list[str] = []

    def fetch(self, host: str, script: str, target: Path, *, timeout: float) -> ScriptResult:
        self.asked.append(host)
        if host in self.unhealthy:
            target.write_bytes(CONTENT[:5])
            return ScriptResult(
                host, 1, "", f"sha256 {sha256(CONTENT[:5]).hexdigest()}\netcd is not healthy here\n"
            )
        target.write_bytes(CONTENT)
        return ScriptResult(host, 0, "", self.reported)


def take(members: Members, directory: Path) -> Path:
    target = SimpleNamespace(stack="ha", topology=cluster(etcd=3), remote=members)
    return snapshot(cast(Target, target), directory)


def test_a_snapshot_has_a_checksum_file_that_restore_accepts(tmp_path: Path) -> None:
    file = take(Members(), tmp_path)
    assert file.read_bytes() == CONTENT
    assert verify_snapshot(file) == DIGEST
    assert sorted(tmp_path.iterdir()) == [file, file.with_name(f"{file.name}.sha256")]


@pytest.mark.parametrize("reported", [f"sha256 {'0' * 64}\n", ""])
def test_a_damaged_download_is_not_kept(tmp_path: Path, reported: str) -> None:
    members = Members(reported=reported)
    with pytest.raises(UserError, match="e-0: the download was damaged; try again"):
        take(members, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unhealthy_member_gives_no_snapshot_and_the_next_member_is_asked(tmp_path: Path) -> None:
    members = Members(unhealthy=("e-0",))
    assert take(members, tmp_path).read_bytes() == CONTENT
    assert members.asked == ["e-0", "e-1"]


def test_the_reasons_of_all_members_are_in_the_error(tmp_path: Path) -> None:
    members = Members(unhealthy=("e-0", "e-1", "e-2"))
    with pytest.raises(UserError, match=r"e-0: etcd is not healthy here; e-1: .*; e-2: "):
        take(members, tmp_path)
    assert list(tmp_path.iterdir()) == []
