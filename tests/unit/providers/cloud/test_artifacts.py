"""Tests of the files that a cluster needs in its own store, and of the upload of missing files."""

from __future__ import annotations

import threading
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from nodeconfig import host_program
from nodeconfig.bundle import Artifact, Program
from providers.cloud.artifacts import (
    FILES_VARIABLE,
    StoredFile,
    files_text,
    fill_store,
    parse_files,
    run_fill,
    stored_files,
)
from providers.cloud.polling import WaitError
from testkit.host import MINIMAL_BUNDLE

HOST_PROGRAM = StoredFile("host-program", host_program.digest(), host_program.digest())


class MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self._lock = threading.Lock()

    def keys(self) -> set[str]:
        return set(self.files)

    def upload(self, key: str, content: BinaryIO) -> None:
        with self._lock:
            self.uploads.append(key)
            self.files[key] = content.read()


def add_file(mirror: Path, name: str, content: str, version: str = "1.0") -> StoredFile:
    path = mirror / "files" / name / version / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return StoredFile(name, version, sha256(content.encode()).hexdigest())


def test_files_of_all_bundles_are_stored_once() -> None:
    program = Program("store:host-program/abc", "abc")
    kubelet = Artifact("kubelet", "store:kubelet/1.36.3", "def", "/k")
    older = Artifact("kubelet", "store:kubelet/1.35.6", "123", "/k")
    bundles = [
        replace(MINIMAL_BUNDLE, program=program, artifacts=(kubelet,)),
        replace(MINIMAL_BUNDLE, program=program, artifacts=(kubelet, older)),
    ]
    files = stored_files(bundles)
    assert files == (
        StoredFile("host-program", "abc", "abc"),
        StoredFile("kubelet", "1.35.6", "123"),
        StoredFile("kubelet", "1.36.3", "def"),
    )
    assert parse_files(files_text(files)) == list(files)
    assert files[1].key == "kubelet/1.35.6/123"


def test_hosts_that_fetch_from_a_mirror_need_no_file_in_the_store() -> None:
    artifact = Artifact("kubelet", "https://mirror/files/kubelet/1.36.3/kubelet", "def", "/k")
    assert stored_files([replace(MINIMAL_BUNDLE, artifacts=(artifact,))]) == ()


def test_only_missing_files_are_uploaded_and_old_files_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = add_file(tmp_path, "kubelet", "old", "1.35.6"), add_file(tmp_path, "kubelet", "new")
    other, store = add_file(tmp_path, "etcd", "etcd"), MemoryStore()
    fill_store(store, [old, other], tmp_path)
    store.uploads.clear()
    fill_store(store, [new, other], tmp_path)
    assert store.uploads == [new.key]
    assert store.files == {old.key: b"old", other.key: b"etcd", new.key: b"new"}
    assert capsys.readouterr().err.splitlines()[-1] == (
        "kubewright: progress: kubelet 1.0 is in the store (1 of 1)"
    )


def test_another_build_of_a_version_does_not_replace_the_first(tmp_path: Path) -> None:
    store = MemoryStore()
    first = add_file(tmp_path, "kubelet", "first")
    fill_store(store, [first], tmp_path)
    second = add_file(tmp_path, "kubelet", "second")
    fill_store(store, [second], tmp_path)
    assert store.files == {first.key: b"first", second.key: b"second"}


def test_mirror_without_files_is_an_error_before_the_first_upload(tmp_path: Path) -> None:
    present, missing = add_file(tmp_path, "etcd", "etcd"), StoredFile("kubelet", "1.0", "a" * 64)
    store = MemoryStore()
    with pytest.raises(WaitError) as caught:
        fill_store(store, [present, missing], tmp_path)
    path = tmp_path / "files/kubelet/1.0/kubelet"
    assert str(caught.value).startswith(f"{path}: No such file or directory; run `kubewright mirror`")
    assert store.files == {}


def test_file_with_another_digest_is_not_uploaded(tmp_path: Path) -> None:
    """Test a pinned index of another mirror."""
    found = add_file(tmp_path, "kubelet", "another build")
    store = MemoryStore()
    with pytest.raises(WaitError, match=f"sha256 is {found.sha256}, not aaa.*run `kubewright mirror`"):
        fill_store(store, [replace(found, sha256="a" * 64)], tmp_path)
    assert store.files == {}


def test_no_mirror_is_necessary_when_the_store_is_complete(tmp_path: Path) -> None:
    """Test another deployer: its mirror may be empty."""
    file, store = add_file(tmp_path, "kubelet", "kubelet"), MemoryStore()
    fill_store(store, [file], tmp_path)
    fill_store(store, [file], tmp_path / "none")


def test_host_program_comes_from_the_checkout(tmp_path: Path) -> None:
    """Test a mirror that is older than the checkout."""
    store = MemoryStore()
    fill_store(store, [HOST_PROGRAM], tmp_path)
    assert store.files == {HOST_PROGRAM.key: host_program.program().encode()}


def test_files_come_from_the_mirror_in_the_cache(tmp_path: Path) -> None:
    file, store = add_file(tmp_path / "mirror", "kubelet", "kubelet"), MemoryStore()
    run_fill(store, {FILES_VARIABLE: files_text([file]), "KUBEWRIGHT_CACHE": str(tmp_path)})
    assert store.files == {file.key: b"kubelet"}
