"""Tests of the files of images: Debian packages without their installation, directories, additions."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import debian
from artifacts.oci import Entry
from artifacts.rootfs import debian_entries, merge_usr, parents_of, tree_entries, with_entries


def test_programs_of_both_directories_are_in_usr(tmp_path: Path) -> None:
    for path in ("bin/sh", "usr/bin/curl", "lib64/ld.so"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    merge_usr(tmp_path)
    assert (tmp_path / "usr/bin/sh").read_text() == "bin/sh"
    assert (tmp_path / "bin/curl").read_text() == "usr/bin/curl"
    assert [str((tmp_path / name).readlink()) for name in ("bin", "lib64")] == ["usr/bin", "usr/lib64"]


def test_entries_keep_modes_and_links_and_omit_documentation(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/nnp").write_bytes(b"program")
    (tmp_path / "usr/bin/nnp").chmod(0o4755)
    (tmp_path / "usr/bin/x").symlink_to("nnp")
    (tmp_path / "usr/share/doc/bash").mkdir(parents=True)
    (tmp_path / "usr/share/doc/bash/README").write_text("text")
    entries = {entry.path: entry for entry in tree_entries(tmp_path)}
    assert set(entries) == {"usr", "usr/bin", "usr/bin/nnp", "usr/bin/x", "usr/share"}
    assert (entries["usr/bin/nnp"].mode, entries["usr/bin/nnp"].content) == (0o4755, b"program")
    assert entries["usr/bin/x"].link == "nnp"


def test_additions_replace_entries() -> None:
    entries = with_entries([Entry("a", b"1"), Entry("b", b"2")], Entry("a", b"3"))
    assert {entry.path: entry.content for entry in entries} == {"a": b"3", "b": b"2"}


@pytest.fixture
def fake_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the download of packages by a root with a busybox that knows three applets."""

    def unpack(
        packages: tuple[str, ...], directory: Path, *, dependencies: bool = False, without: object = ()
    ) -> Path:
        root = directory / "root"
        (root / "bin").mkdir(parents=True)
        (root / "bin/busybox").write_text("#!/bin/sh\nprintf 'sh\\nwget\\nps\\n'\n")
        (root / "bin/busybox").chmod(0o755)
        (root / "bin/ps").write_text("from procps")
        return root

    monkeypatch.setattr(debian, "unpack", unpack)


def test_busybox_provides_only_missing_programs_and_the_shell(fake_packages: None, tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in debian_entries(("busybox",), tmp_path)}
    assert entries["usr/bin/wget"].link == entries["usr/bin/sh"].link == "busybox"
    assert entries["usr/bin/ps"].content == b"from procps"
    assert entries["bin"].link == "usr/bin"
    assert entries["tmp"].mode == 0o1777


def test_c_library_reads_the_hosts_file_first(fake_packages: None, tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in debian_entries(("busybox",), tmp_path)}
    assert b"hosts: files dns" in entries["etc/nsswitch.conf"].content


def test_entries_have_parent_directories() -> None:
    parents = parents_of([Entry("opt/cni/bin/cilium-cni"), Entry("opt/cni/x"), Entry("init.sh")])
    assert [(entry.path, entry.directory, entry.mode) for entry in parents] == [
        ("opt", True, 0o755),
        ("opt/cni", True, 0o755),
        ("opt/cni/bin", True, 0o755),
    ]
