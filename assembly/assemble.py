"""The chain from settings to bundles: files, topology, index of artifacts, bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import artifacts.index
import nodeconfig
from artifacts.index import Index
from assembly.builder import build_topology
from nodeconfig.bundle import Bundle
from settings import Settings, files
from topology.model import Role, Topology


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that the settings of one stack determine.

    `files` are the texts of the files that settings name, by their paths. `bundles` are by machine or pool
    and role, in the order of delivery.
    """

    settings: Settings
    topology: Topology
    files: Mapping[str, str]
    index: Index
    bundles: Mapping[tuple[str, Role], Bundle]


def assemble(settings: Settings, directory: Path) -> Assembly:
    """Build everything that the settings determine; relative paths start at `directory`, the checkout.

    Raise SettingsError for files that are missing, ArtifactError when the mirror or one of its files is,
    and BundleError for a role without a bundle.
    """
    texts = files.read(settings, directory)
    topology = build_topology(settings, files=texts)
    mirror = settings.artifacts
    index = artifacts.index.load(
        mirror.mirror,
        directory / mirror.ca_file if mirror.ca_file else None,
        *topology.releases,
        pinned=texts[mirror.index] if mirror.index else None,
    )
    return Assembly(settings, topology, texts, index, nodeconfig.bundles(topology, index))
