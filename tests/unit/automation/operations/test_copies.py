"""Tests of `copies`: only complete copies are listed, and only undamaged copies are kept."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest

from automation.errors import UserError
from automation.operations import copies
from automation.operations.copies import complete_copies, fetch_copy, list_copies
from automation.operations.restore import verify_snapshot
from automation.operations.target import Target
from providers.cloud.requests import CloudFailure

OLD, NEW = "etcd-20261120T120000Z-cp-1.db", "etcd-20261121T060000Z-cp-2.db"


class Copies:
    """Copies in another region. With `failure` the cloud does not answer."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.objects: dict[str, bytes] = {}
        for name in (OLD, NEW):
            self.add(name, name.encode())

    def add(self, name: str, content: bytes, digest: str = "") -> None:
        self.objects[name] = content
        self.objects[f"{name}.sha256"] = f"{digest or sha256(content).hexdigest()}  {name}\n".encode()

    def sizes(self) -> dict[str, int]:
        if self.failure:
            raise CloudFailure(self.failure)
        return {name: len(content) for name, content in self.objects.items()}

    def download(self, name: str, target: BinaryIO) -> int:
        return target.write(self.objects[name])


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Copies:
    store = Copies()
    monkeypatch.setattr(copies, "_open", lambda _: store)
    return store


def target(**settings: object) -> Target:
    return cast(Target, SimpleNamespace(stack="prod", settings=SimpleNamespace(**settings)))


def test_newest_copy_is_downloaded_with_a_checksum_that_restore_accepts(
    store: Copies, tmp_path: Path
) -> None:
    directory = tmp_path / "copies"
    file = fetch_copy(target(), "newest", directory)
    assert file == directory / NEW
    assert verify_snapshot(file) == sha256(NEW.encode()).hexdigest()
    assert {path.stat().st_mode & 0o077 for path in directory.iterdir()} == {0}
    assert fetch_copy(target(), OLD, directory).read_bytes() == OLD.encode()


def test_copy_without_a_checksum_is_not_complete(store: Copies) -> None:
    del store.objects[f"{NEW}.sha256"]
    store.objects["other.txt"] = b""
    assert [copy.name for copy in complete_copies(store.sizes())] == [OLD]


def test_copies_are_listed_with_time_member_and_size(
    store: Copies, capsys: pytest.CaptureFixture[str]
) -> None:
    list_copies(target())
    lines = [line for line in capsys.readouterr().out.splitlines() if ".db" in line]
    assert [name in line for name, line in zip((NEW, OLD), lines, strict=True)] == [True, True]
    assert "2026-11-21 06:00:00" in lines[0]
    assert "cp-2" in lines[0]


def test_damaged_copy_is_an_error(store: Copies, tmp_path: Path) -> None:
    store.add(NEW, b"damaged", digest="0" * 64)
    with pytest.raises(UserError, match=r"the sha256 is .*, not 000.*; use another snapshot"):
        fetch_copy(target(), "newest", tmp_path)


def test_unknown_copy_is_an_error(store: Copies, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"etcd-1\.db: no such copy; `kubewright copies --stack prod` lists"):
        fetch_copy(target(), "etcd-1.db", tmp_path)


def test_store_without_copies_is_an_error(store: Copies) -> None:
    store.objects.clear()
    with pytest.raises(UserError, match="no complete copies of snapshots yet"):
        list_copies(target())


def test_store_that_does_not_answer_is_an_error(store: Copies) -> None:
    store.failure = "no credentials"
    with pytest.raises(UserError, match="cannot be listed: no credentials"):
        list_copies(target())


@pytest.mark.parametrize("section", [None, SimpleNamespace(has_snapshot_copies=False)])
def test_stack_without_copies_is_an_error(section: object) -> None:
    name = "aws" if section else ""
    with pytest.raises(UserError, match=r"has no snapshot_copies .* on bare metal, use etcd.snapshots.to"):
        list_copies(target(cloud=section, cloud_name=name))
