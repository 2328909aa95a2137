"""Tests of `mirror --conformance`: what it adds, what it skips, and that a plain mirror has none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import catalogue, fetch, gobuild, images, mirror, oci
from artifacts.cache import Cache
from artifacts.conformance import mirror as conformance_mirror
from artifacts.errors import Unavailable
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from testkit.artifact_server import add_artifact

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
PRIVATE = "gcr.io/k8s-authenticated-test/agnhost:2.6"
INVALID = "invalid.registry.k8s.io/invalid/alpine:3.1"


@pytest.fixture
def test_cache(full_cache: Cache, tmp_path: Path) -> Cache:
    """Return a cache with programs and one image; e2e.test is a script that lists three images."""
    listed = f"#!/bin/sh\nprintf '%s\\n' {AGNHOST} {PRIVATE} {INVALID}\n"
    add_artifact(full_cache, "e2e.test", "1.36.3", listed.encode(), tmp_path)
    add_artifact(full_cache, "ginkgo", "1.36.3", b"ginkgo", tmp_path)
    layout = full_cache.root / "images" / images.layout_directory(AGNHOST)
    layout.mkdir(parents=True)
    oci.write_layout(layout, AGNHOST, "amd64", [Entry("agnhost", b"x")], Config())
    (layout / "complete.json").write_text("{}")
    return full_cache


def test_programs_and_images_are_in_the_index(test_cache: Cache, progress: Progress, tmp_path: Path) -> None:
    directory = mirror.build(tmp_path / "mirror", progress=progress, cache=test_cache)
    before = mirror.read_index(directory)
    conformance_mirror.add(directory, "1.36.3", progress, cache=test_cache)
    after = mirror.read_index(directory)
    assert set(after["files"]) - set(before["files"]) == {"e2e.test/1.36.3", "ginkgo/1.36.3"}
    assert set(after["images"]) - set(before["images"]) == {AGNHOST}
    assert set(before["files"]) <= set(after["files"])


def test_images_that_cannot_be_had_are_named_with_the_reason(
    test_cache: Cache, progress: Progress, tmp_path: Path
) -> None:
    directory = mirror.build(tmp_path / "mirror", progress=progress, cache=test_cache)
    skipped = conformance_mirror.add(directory, "1.36.3", progress, cache=test_cache)
    assert {image.reference for image in skipped} == {PRIVATE, INVALID}
    assert all(image.reason for image in skipped)


def test_registry_that_refuses_skips_an_image_without_recipe(
    test_cache: Cache, progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(reference: str, *_: object) -> None:
        raise Unavailable(f"{reference}: could not be pulled: unauthorized")

    monkeypatch.setattr(fetch, "reachable", lambda *_: True)
    monkeypatch.setattr(images, "_pull_image", refuse)
    directory = mirror.build(tmp_path / "mirror", progress=progress, cache=test_cache)
    skipped = conformance_mirror.add(directory, "1.36.3", progress, cache=test_cache)
    assert f"{PRIVATE}: could not be pulled: unauthorized" in [image.reason for image in skipped]


def test_plain_mirror_and_tools_need_no_test_program() -> None:
    names = {item.name for item in catalogue.node_binaries()} | set(catalogue.TOOLS)
    assert not names & {"e2e.test", "ginkgo", "agnhost", "conformance-shell"}
    assert not [reference for reference in catalogue.images() if "e2e-test-images" in reference]


def test_tests_are_built_as_a_test_program_without_vet() -> None:
    assert gobuild._build_command(catalogue.binary("e2e.test")) == ["test", "-c", "-vet=off"]
    assert gobuild._build_command(catalogue.binary("ginkgo")) == ["build"]


@pytest.mark.parametrize("version", catalogue.supported_versions("kubernetes"))
def test_test_programs_have_the_versions_and_modules_of_kubernetes(version: str) -> None:
    tests = catalogue.binary("e2e.test", version)
    assert tests.module == catalogue.binary("kubelet", version).module
    assert tests.official is not None
    assert tests.official.member == "kubernetes/test/bin/e2e.test"
    assert f"/v{version}/kubernetes-test-linux-" in tests.official.url
    assert catalogue.binary("agnhost", version).official is None
    assert "github.com/onsi/ginkgo/v2 v2." in (tests.module / "go.sum").read_text()
