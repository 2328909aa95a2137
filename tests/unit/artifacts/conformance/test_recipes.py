"""Tests of the recipes of test images: file systems from packages, users, the test registry, versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import debian, images, oci
from artifacts.cache import Cache
from artifacts.conformance import debian_root, recipes
from artifacts.conformance.debian_root import merge_usr, tree_entries, with_entries
from artifacts.errors import ArtifactError
from artifacts.oci import Config, Entry
from artifacts.progress import Progress


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
    entries = {entry.path: entry for entry in debian_root.debian_entries(("busybox",), tmp_path)}
    assert entries["usr/bin/wget"].link == entries["usr/bin/sh"].link == "busybox"
    assert entries["usr/bin/ps"].content == b"from procps"
    assert entries["bin"].link == "usr/bin"
    assert entries["tmp"].mode == 0o1777


def test_c_library_reads_the_hosts_file_first(fake_packages: None, tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in debian_root.debian_entries(("busybox",), tmp_path)}
    assert b"hosts: files dns" in entries["etc/nsswitch.conf"].content


def test_user_of_the_image_is_a_member_of_its_groups() -> None:
    passwd, group = recipes._users("tester", 1000, groups={"extra": 50000})
    assert b"tester:x:1000:1000:" in passwd.content
    assert b"root:x:0:0:" in passwd.content
    assert b"\nextra:x:50000:tester\n" in group.content


def test_etcd_without_its_minor_version_is_an_error(cache: Cache, progress: Progress, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"etcd:3\.1\.0-0: the catalogue has no etcd 3\.1; it has "):
        recipes.etcd("1.36.3", "3.1.0-0", cache, tmp_path, progress)


def test_registry_of_agnhost_serves_the_manifest_by_tag(
    cache: Cache, progress: Progress, tmp_path: Path
) -> None:
    reference = "registry.k8s.io/pause:3.10.2"
    layout = cache.root / "images" / images.layout_directory(reference)
    layout.mkdir(parents=True)
    digest = oci.write_layout(layout, reference, "amd64", [Entry("pause", b"x")], Config())
    (layout / "complete.json").write_text("{}")
    listed = tmp_path / "images.txt"
    listed.write_text("# comment\n\npause 3.10.2 testing\n")
    entries = {entry.path: entry for entry in recipes._private_registry(listed, cache, progress)}
    assert entries["var/registry/pause/manifests/testing"].content == f"{digest}\n".encode()
    name = digest.removeprefix("sha256:")
    manifest = (layout / "blobs/sha256" / name).read_bytes()
    assert entries[f"var/registry/pause/manifests/sha256/{name[:2]}/{name}/data"].content == manifest
    assert entries[f"var/registry/pause/manifests/sha256:{name}"].content == manifest
    assert sum(path.startswith("var/registry/pause/blobs/sha256:") for path in entries) == 2
    assert entries["var/registry"].directory
