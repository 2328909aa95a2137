"""Tests of pushing the images of a mirror to a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import catalogue, mirror, push
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from testkit.artifact_server import ArtifactServer


def test_names_keep_path_and_tag() -> None:
    references = ["registry.k8s.io/coredns/coredns:v1.15.0", "docker.io/library/busybox:1.35"]
    assert push.target_names(references, "10.89.0.1:5000") == {
        "registry.k8s.io/coredns/coredns:v1.15.0": "10.89.0.1:5000/coredns/coredns:v1.15.0",
        "docker.io/library/busybox:1.35": "10.89.0.1:5000/library/busybox:1.35",
    }


def test_images_of_the_catalogue_do_not_collide() -> None:
    assert len(set(push.target_names(catalogue.images(), "r:5000").values())) == len(catalogue.images())


def test_error_of_a_collision_names_both_images() -> None:
    with pytest.raises(ArtifactError, match=r"quay\.io/a/b:1 and ghcr\.io/a/b:1: both would be r:5000/a/b:1"):
        push.target_names(["ghcr.io/a/b:1", "quay.io/a/b:1"], "r:5000")


def test_same_path_with_another_tag_is_no_collision() -> None:
    assert len(push.target_names(["ghcr.io/a/b:1", "quay.io/a/b:2"], "r:5000")) == 2


def test_empty_mirror_is_an_error_with_the_remedy(tmp_path: Path, progress: Progress) -> None:
    with pytest.raises(ArtifactError, match="holds no images; run make mirror first"):
        push.push(tmp_path, "r:5000", None, progress)


@pytest.fixture
def directory(full_cache: Cache, tmp_path: Path, progress: Progress) -> Path:
    return mirror.build(tmp_path / "mirror", catalogue.DEFAULTS, progress, cache=full_cache)


def test_registry_is_verified_before_the_push(
    directory: Path, server: ArtifactServer, full_cache: Cache, progress: Progress
) -> None:
    registry = server.url.removeprefix("https://")
    with pytest.raises(ArtifactError, match=f"registry {registry}: the server's certificate does not verify"):
        push.push(directory, registry, None, progress, cache=full_cache)
    assert server.requests == []
    with pytest.raises(ArtifactError, match="the server answered 404"):
        push.push(directory, registry, server.ca_file, progress, cache=full_cache)


def test_error_names_an_unreachable_registry(directory: Path, full_cache: Cache, progress: Progress) -> None:
    with pytest.raises(ArtifactError, match=r"registry 127\.0\.0\.1:9: .*refused.*is it up"):
        push.push(directory, "127.0.0.1:9", None, progress, cache=full_cache)


def test_error_names_a_missing_authority(
    directory: Path, full_cache: Cache, tmp_path: Path, progress: Progress
) -> None:
    with pytest.raises(ArtifactError, match="none: no such file"):
        push.push(directory, "127.0.0.1:9", tmp_path / "none", progress, cache=full_cache)
