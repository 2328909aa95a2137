"""Tests of the recipes of test images: users, the test registry, versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import images, oci
from artifacts.cache import Cache
from artifacts.conformance import recipes
from artifacts.errors import ArtifactError
from artifacts.oci import Config, Entry
from artifacts.progress import Progress


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
