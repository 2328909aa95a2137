"""Tests that the pinned index of the mirror decides which images the program deploys."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts import catalogue
from tests.unit.components import graph as graphs
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config

DIGESTS = {
    reference: f"sha256:{number:064x}" for number, reference in enumerate(sorted(catalogue.images()), 1)
}


@pytest.fixture
def index_with_images(monkeypatch: pytest.MonkeyPatch) -> None:
    index = replace(graphs.fake_index(), image_digests=DIGESTS)
    monkeypatch.setattr(graphs, "fake_index", lambda: index)


def images(graph: Graph) -> dict[str, str]:
    """Return the image of each Deployment, and the sandbox image of a host's containerd."""
    result = {}
    for name in ("coredns-deployment", "metrics-server-deployment"):
        (result[name],) = re.findall(r'"image": "([^"]+)"', json.dumps(graph.node(name).value("spec")))
    script = str(graph.node("w-1-node").value("create"))
    (result["sandbox"],) = (
        line.partition("sandbox = ")[2].strip('"') for line in script.splitlines() if "sandbox = " in line
    )
    return result


def with_pinned_index(directory: Path) -> Json:
    """Return a configuration with an index file in the directory."""
    (directory / "index.json").write_text("{}")
    config = cluster_config(directory, workers=1)
    artifacts = config["artifacts"]
    assert isinstance(artifacts, dict)
    return {**config, "artifacts": {**artifacts, "index": str(directory / "index.json")}}


@pytest.mark.usefixtures("index_with_images")
def test_pinned_index_pins_the_images(deploy: Deploy, tmp_path: Path) -> None:
    config = with_pinned_index(tmp_path)
    found = images(deploy(config))
    pause = next(reference for reference in DIGESTS if "/pause:" in reference)
    assert found.pop("sandbox") == f"registry.k8s.io/pause@{DIGESTS[pause]}"
    for name, image in found.items():
        reference, _, digest = image.partition("@")
        assert digest == DIGESTS[reference], name


@pytest.mark.usefixtures("index_with_images")
def test_index_of_the_mirror_pins_no_images(deploy: Deploy, tmp_path: Path) -> None:
    """Nodes may pull from upstream, where images that the mirror built do not exist."""
    assert not any("@" in image for image in images(deploy(cluster_config(tmp_path, workers=1))).values())


def test_pinned_index_without_images_keeps_tags(deploy: Deploy, tmp_path: Path) -> None:
    config = with_pinned_index(tmp_path)
    assert not any("@" in image for image in images(deploy(config)).values())
