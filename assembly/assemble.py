"""Conversion of settings to bundles: read files, build the topology, read the artifact index, render
bundles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nodeconfig
from artifacts import index as artifact_index
from artifacts.index import Index
from assembly.builder import build_topology
from nodeconfig.bundle import Bundle
from settings import Settings, files
from topology.model import Role, Topology


@dataclass(frozen=True, slots=True)
class Assembly:
    """The result of `assemble`: all data that the settings of one stack determine.

    `files` maps the path of each file that the settings name to its text. `bundles` maps each machine or
    pool to its bundles by role, in the order of delivery.
    """

    settings: Settings
    topology: Topology
    files: Mapping[str, str]
    index: Index
    bundles: Mapping[tuple[str, Role], Bundle]


def assemble(settings: Settings, directory: Path) -> Assembly:
    """Return the topology, files, artifact index and bundles that the settings determine.

    Relative paths in the settings start at `directory`, the checkout. Raise SettingsError for missing
    files, ArtifactError for a missing mirror or mirror file, and BundleError for a role without a bundle.
    """
    texts = files.read_files(settings, directory)
    topology = build_topology(settings, files=texts)
    mirror = settings.artifacts
    index = artifact_index.load(
        mirror.mirror,
        directory / mirror.ca_file if mirror.ca_file else None,
        *topology.version_sets,
        pinned=texts[mirror.index] if mirror.index else None,
    )
    if mirror.index:
        topology = replace(topology, image_digests=tuple(sorted(index.image_digests.items())))
    return Assembly(settings, topology, texts, index, nodeconfig.bundles(topology, index))
