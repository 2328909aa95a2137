"""Tests of the table of test images: complete for a recorded list, documented, and used to skip specs."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.conformance import table
from artifacts.conformance.mirror import list_images, parse_images
from artifacts.conformance.table import TEST_IMAGES, row_of
from artifacts.errors import ArtifactError

HERE = Path(__file__).parent
CONFORMANCE_SPECS = HERE.parents[1] / "automation/conformance/conformance-1.36.3.txt"
DOCUMENT = HERE.parents[3] / "docs/conformance.md"
LISTED = parse_images((HERE / "images-1.36.3.txt").read_text().splitlines())


def test_every_listed_image_has_a_row() -> None:
    assert len(LISTED) == 43
    assert [reference for reference in LISTED if row_of(reference) is None] == []


def test_every_row_can_be_built_or_names_its_specs_or_must_be_absent() -> None:
    kinds = [(row.recipe is not None) + bool(row.specs) + row.absent for row in TEST_IMAGES]
    assert kinds == [1] * len(TEST_IMAGES)


def test_names_are_unique_and_recipes_have_no_patterns() -> None:
    names = [row.name for row in TEST_IMAGES]
    assert len(names) == len(set(names))
    assert not [row.name for row in TEST_IMAGES if row.recipe and "*" in row.name]
    assert set(table.recipes_of("1.36.3")) == {row.name for row in TEST_IMAGES if row.recipe}


def test_no_conformance_spec_needs_an_image_that_is_not_built() -> None:
    specs = CONFORMANCE_SPECS.read_text().splitlines()
    assert len(specs) == 446
    for image, pattern in table.specs_without(LISTED).items():
        assert not [spec for spec in specs if pattern.search(spec)], image


def test_specs_of_missing_images_are_found_by_name() -> None:
    missing = table.specs_without(
        ["gcr.io/k8s-authenticated-test/agnhost:2.6", "registry.k8s.io/e2e-test-images/volume/nfs:1.6.0"]
    )
    private, nfs = missing.values()
    assert private.search(
        "[sig-apps] ReplicaSet should serve a basic image on each replica with a private image"
    )
    assert not private.search("[sig-apps] ReplicaSet should serve a basic image with a public image")
    assert private.search("[sig-node] should be able to pull from private registry with secret")
    assert not private.search("[sig-node] should not be able to pull from private registry without secret")
    assert nfs.search("[sig-storage] In-tree Volumes [Driver: nfs] [Testpattern: Inline-volume] subPath")


def test_buildable_and_unknown_images_are_required() -> None:
    references = [
        "registry.k8s.io/e2e-test-images/agnhost:2.63.0",
        "registry.k8s.io/sig-storage/csi-attacher:v4.8.1",
        "invalid.registry.k8s.io/invalid/alpine:3.1",
        "registry.k8s.io/e2e-test-images/brand-new:1.0",
    ]
    assert table.required(references) == [references[0], references[3]]


@pytest.mark.parametrize("built", [True, False])
def test_document_has_the_table(built: bool) -> None:
    assert table.document_items(built=built) in DOCUMENT.read_text()


def test_log_messages_are_no_images() -> None:
    lines = ["I1121 11:14 util.go:414] >>> kubeConfig: /x/y", "registry.k8s.io/pause:3.10.2", "", "b/a:1"]
    assert parse_images(lines) == ["b/a:1", "registry.k8s.io/pause:3.10.2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("echo oops >&2; exit 3", "oops"), ("exit 0", "no output"), ("", "no output")],
)
def test_program_that_lists_no_images_is_named(text: str, message: str, tmp_path: Path) -> None:
    program = tmp_path / "e2e.test"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    with pytest.raises(ArtifactError, match=rf"e2e\.test: does not list its images: {message}"):
        list_images(program)


def test_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not list its images"):
        list_images(tmp_path / "e2e.test")
