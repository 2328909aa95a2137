"""Tests of the artifact cache: records, locks and workspaces."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from artifacts.cache import Cache
from artifacts.errors import ArtifactError


def _add_tool(cache: Cache, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "new"
    file.write_bytes(content)
    cache.add("tool", "1", file, source="test")


def test_cached_file_is_executable_and_has_a_digest(cache: Cache, tmp_path: Path) -> None:
    assert cache.record("tool", "1") is None
    _add_tool(cache, b"content", tmp_path)
    record = cache.record("tool", "1")
    assert record is not None
    assert record.sha256 == hashlib.sha256(b"content").hexdigest()
    assert cache.path("tool", "1").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "new").exists()


def test_truncated_file_counts_as_missing(cache: Cache, tmp_path: Path) -> None:
    _add_tool(cache, b"content", tmp_path)
    cache.path("tool", "1").write_bytes(b"cont")
    assert cache.record("tool", "1") is None


def test_damaged_record_counts_as_missing(cache: Cache, tmp_path: Path) -> None:
    _add_tool(cache, b"content", tmp_path)
    cache.path("tool", "1").with_name("tool.json").write_text("{")
    assert cache.record("tool", "1") is None


def _hold_lock(root: Path, log: Path) -> None:
    with Cache(root).lock("one"):
        with log.open("a") as file:
            file.write("in ")
        time.sleep(0.1)
        with log.open("a") as file:
            file.write("out ")


def test_only_one_process_holds_a_lock(cache: Cache, tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [multiprocessing.Process(target=_hold_lock, args=(cache.root, log)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(10)
        assert process.exitcode == 0
    assert log.read_text() == "in out " * 3


def test_error_names_an_unwritable_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    with pytest.raises(ArtifactError, match="set KUBEWRIGHT_CACHE"), cache.lock("x"):
        pass


def test_old_workspaces_of_killed_processes_are_removed(cache: Cache) -> None:
    with cache.workspace() as mine:
        old, young = mine.parent / "old", mine.parent / "young"
        for directory in (old, young):
            (directory / "module").mkdir(parents=True)
        os.utime(old, (0, 0))
        with cache.workspace():
            assert not old.exists()
            assert young.exists()
    assert not mine.exists()
