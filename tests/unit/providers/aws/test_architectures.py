"""Tests of a pool of arm64 machines (Graviton): machine images, files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.arm64 import fetched_files, with_arm64_pool, write_index
from tests.unit.providers.aws.program import example_config, graph, launch_templates, run_program
from tests.unit.providers.program import ROOT, ConfigEdit

IMAGE: Json = {"owner": "136693071363", "name": "debian-13-arm64-*"}


def with_graviton(index: Path) -> ConfigEdit:
    return with_arm64_pool("aws", "m6g.large", IMAGE, index)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the resources of the example, in which the pool `general` has arm64 machines."""
    return graph(with_graviton(write_index(tmp_path_factory.mktemp("index"))))


def test_machines_boot_the_image_of_their_architecture(mixed: Graph) -> None:
    images = {node.name: node.inputs["imageId"] for node in launch_templates(mixed)}
    assert images.pop("pool-general-template") == "ami-arm64"
    assert len(images) >= 4
    assert set(images.values()) == {"ami-found"}


def test_only_arm64_machines_fetch_files_for_arm64(mixed: Graph) -> None:
    for name, urls in fetched_files(mixed).items():
        suffixes = {"-arm64/" in url for url in urls}
        assert suffixes == {"general" in name}, name


def test_index_without_the_files_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        run_program(example_config(with_graviton(ROOT / "mirrors/example.json")))
    assert "-arm64: not in the mirror https://mirror.example.com; on an arm64 machine, run" in caplog.text


def test_pinned_images_for_another_architecture_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        run_program(example_config(with_graviton(write_index(tmp_path, images=True))))
    assert "pins images for amd64, and the nodes of general are arm64 machines; remove" in caplog.text
