"""Charts in a mirror: chart repositories of static files, one for each source of charts.

charts/<host>/<path>/<name>-<version>.tgz    the archive of a chart
charts/<host>/<path>/index.yaml              the index that Helm reads
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from artifacts.cache import sha256, write_atomic
from artifacts.errors import ArtifactError

INDEX = "index.yaml"
_CHART_FILE = "Chart.yaml"


def chart_metadata(archive: Path) -> dict[str, Any]:
    """Return the content of Chart.yaml in the archive of a chart. Raise ArtifactError."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.count("/") == 1 and member.name.endswith(f"/{_CHART_FILE}"):
                    content = tar.extractfile(member)
                    metadata = yaml.safe_load(content.read()) if content else None
                    if isinstance(metadata, dict) and metadata.get("name") and metadata.get("version"):
                        return metadata
    except (OSError, tarfile.TarError, yaml.YAMLError):
        pass
    raise ArtifactError(f"{archive.name}: is not the archive of a chart; check its repository")


def add_archive(archive: Path, mirror: Path, directory: str) -> tuple[str, dict[str, str | int]]:
    """Add the archive of a chart to a mirror and return its key and entry in the index of the mirror.

    `directory` is relative to the mirror. An archive with the same version is replaced.
    """
    metadata = chart_metadata(archive)
    key = f"{directory.partition('/')[2]}/{metadata['name']}/{metadata['version']}"
    path = Path(directory, f"{metadata['name']}-{metadata['version']}.tgz")
    target = mirror / path
    target.parent.mkdir(parents=True, exist_ok=True)
    content = archive.read_bytes()
    if not target.is_file() or target.read_bytes() != content:
        temporary = target.with_name(f".{target.name}")
        temporary.write_bytes(content)
        temporary.replace(target)
    write_index(target.parent)
    return key, {"path": str(path), "sha256": sha256(target), "size": target.stat().st_size}


def write_index(directory: Path) -> None:
    """Write the index of all archives in a directory. JSON is YAML, and times would change it in each run."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for archive in sorted(directory.glob("*.tgz")):
        metadata = chart_metadata(archive)
        entry = {**metadata, "urls": [archive.name], "digest": sha256(archive)}
        entries.setdefault(str(metadata["name"]), []).append(entry)
    content = {"apiVersion": "v1", "entries": entries}
    write_atomic(directory / INDEX, json.dumps(content, indent=1, sort_keys=True, default=str) + "\n")
