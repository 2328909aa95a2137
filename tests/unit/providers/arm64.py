"""Example stacks with a pool of arm64 machines, and indexes with the files of these machines."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from nodeconfig.host_program import ARTIFACT_NAME
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.program import ROOT, ConfigEdit, section


def write_index(directory: Path, *, images: bool = False) -> Path:
    """Write a copy of the example's index that also has all files for arm64. Return the path of the copy.

    With `images` the copy pins an image.
    """
    index = json.loads((ROOT / "mirrors/example.json").read_text())
    for key, entry in list(index["files"].items()):
        name = key.split("/")[0]
        if name != ARTIFACT_NAME:
            digest = sha256(key.encode()).hexdigest()
            path = f"files/{key}-arm64/{name}"
            index["files"][f"{key}-arm64"] = {**entry, "path": path, "sha256": digest}
    if images:
        index["images"] = {"registry.k8s.io/pause:3.10.1": {"digest": f"sha256:{'0' * 64}"}}
    file = directory / "index.json"
    file.write_text(json.dumps(index))
    return file


def with_arm64_pool(cloud: str, machine_type: str, image: Json, index: Path) -> ConfigEdit:
    """Return an edit that makes the nodes of the pool `general` arm64 machines."""

    def edit(cluster: Json) -> None:
        section(cluster, "pools", "general", "machine")["types"] = [machine_type]
        section(cluster, cloud)["image_arm64"] = image
        section(cluster, "artifacts")["index"] = str(index)

    return edit


def fetched_files(resources: Graph) -> dict[str, set[str]]:
    """Return the URLs of the files that each script installs, by the name of the resource with the script."""
    result: dict[str, set[str]] = {}
    for node in resources.nodes.values():
        for text in node.plain_texts():
            lines = [line.split() for line in text.splitlines()]
            urls = {words[2] for words in lines if len(words) > 3 and words[0] == "artifact"}
            if urls:
                result.setdefault(node.name, set()).update(urls)
    return result
