"""What one component adds to a host, and how parts become a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from nodeconfig.bundle import Artifact, File, SecretFile, Service
from topology.model import Versions

Json = dict[str, object]
_Item = TypeVar("_Item")


class BundleError(Exception):
    """A bundle that cannot be made or delivered; the message names the role or file and the reason."""


class Index(Protocol):
    """What `artifacts.index.Index` offers here: where an artifact is and what its digest is."""

    @property
    def ca(self) -> str:
        """PEM of the authority that verifies downloads, empty for the system's."""

    def version(self, name: str, versions: Versions) -> str:
        """Return the version of an artifact in a set of component versions."""

    def artifact(self, name: str, version: str) -> tuple[str, str]:
        """URL and sha256 (hex) of an artifact."""

    def member(self, name: str, version: str) -> str:
        """What of it is installed, as in `Artifact.member`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component's files, artifacts, services and what else it needs; joined with others by `join`.

    `artifacts` are pairs of the catalogue's name and the path on the host.
    """

    files: tuple[File, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    services: tuple[Service, ...] = ()
    directories: tuple[File, ...] = ()
    modules: tuple[str, ...] = ()


def join(parts: Sequence[Component]) -> Component:
    """One part of several, in their order; what two of them want alike is there once.

    Raises BundleError when two parts want the same path differently.
    """
    joined = Component(
        files=_unique(item for part in parts for item in part.files),
        secrets=_unique(item for part in parts for item in part.secrets),
        artifacts=_unique(item for part in parts for item in part.artifacts),
        services=_unique(item for part in parts for item in part.services),
        directories=_unique(item for part in parts for item in part.directories),
        modules=_unique(item for part in parts for item in part.modules),
    )
    paths = [path for _, path in joined.artifacts]
    paths += [item.path for item in (*joined.files, *joined.directories)]
    paths += [item.path for item in joined.secrets]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise BundleError(f"two components want different things at {', '.join(twice)}")
    return joined


def resolve(part: Component, versions: Versions, index: Index) -> tuple[Artifact, ...]:
    """The part's artifacts with their places and digests. Raises what the index raises."""
    return tuple(_artifact(name, path, versions, index) for name, path in part.artifacts)


def _artifact(name: str, path: str, versions: Versions, index: Index) -> Artifact:
    version = index.version(name, versions)
    url, sha256 = index.artifact(name, version)
    return Artifact(name=name, url=url, sha256=sha256, path=path, member=index.member(name, version))


def document(path: str, content: Json, mode: int = 0o600, owner: str = "root:root") -> File:
    """A configuration file as JSON (which every reader of YAML takes), one setting per line."""
    return File(path=path, content=json.dumps(content, indent=2) + "\n", mode=mode, owner=owner)


def _unique(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
