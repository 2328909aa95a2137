"""Conversion of settings to bundles: read files, build the topology, read the artifact index, render
bundles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nodeconfig
from artifacts import directories
from artifacts import index as artifact_index
from artifacts.errors import ArtifactError
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
    index = _load_index(settings, topology, texts, directory)
    if settings.artifacts.index:
        _check_pinned_images(settings.artifacts.index, topology, index)
        topology = replace(topology, image_digests=tuple(sorted(index.image_digests.items())))
    return Assembly(settings, topology, texts, index, nodeconfig.bundles(topology, index))


def _check_pinned_images(file: str, topology: Topology, index: Index) -> None:
    """Raise ArtifactError if nodes cannot run the images whose digests an index file pins.

    An index has the digest of an image for one architecture.
    """
    nodes = [machine for machine in topology.machines if Role.NODE in machine.roles]
    architectures = {machine.pool: machine.architecture for machine in nodes}
    architectures |= {pool.name: pool.capacity.architecture for pool in topology.pools if pool.capacity}
    for pool, architecture in architectures.items():
        if index.image_digests and architecture not in ("", index.architecture):
            raise ArtifactError(
                f"artifacts.index {file}: pins images for {index.architecture}, and the nodes of {pool} are "
                f"{architecture} machines; remove the section images from this file, so that nodes pull the "
                "images by their tags"
            )


def _load_index(settings: Settings, topology: Topology, texts: Mapping[str, str], directory: Path) -> Index:
    """Return the index of the mirror of the settings or, for the cluster's own store, of this machine."""
    artifacts = settings.artifacts
    pinned = texts[artifacts.index] if artifacts.index else None
    if artifacts.store:
        return artifact_index.load_own(directories.mirror(), *topology.version_sets, pinned=pinned)
    ca_file = directory / artifacts.ca_file if artifacts.ca_file else None
    return artifact_index.load(artifacts.mirror, ca_file, *topology.version_sets, pinned=pinned)
