"""Components of a host, and how several become a bundle."""

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
    """A bundle cannot be built or delivered; the message names the role or file and the reason."""


class Index(Protocol):
    """URLs and digests of artifacts, as `artifacts.index.Index` implements it."""

    @property
    def ca(self) -> str:
        """The PEM of the authority that verifies downloads, empty for the system's authorities."""

    def version(self, name: str, versions: Versions) -> str:
        """Return the version of an artifact in a set of component versions."""

    def artifact(self, name: str, version: str) -> tuple[str, str]:
        """Return URL and sha256 (hex) of an artifact."""

    def member(self, name: str, version: str) -> str:
        """Return the installed member of an archive, as in `Artifact.member`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Files, artifacts and services of one component; `join` combines several.

    `artifacts` are pairs of the name in the catalogue and the path on the host.
    """

    files: tuple[File, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    services: tuple[Service, ...] = ()
    directories: tuple[File, ...] = ()
    modules: tuple[str, ...] = ()


def join(parts: Sequence[Component]) -> Component:
    """Return one component of several, in their order, with equal entries once.

    Raise BundleError when two components have different content at the same path.
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
    conflicts = sorted({path for path in paths if paths.count(path) > 1})
    if conflicts:
        raise BundleError(f"two components have different content at {', '.join(conflicts)}")
    return joined


def resolve_artifacts(part: Component, versions: Versions, index: Index) -> tuple[Artifact, ...]:
    """Return a component's artifacts with URLs and digests. Raise the errors of the index."""
    return tuple(_artifact(name, path, versions, index) for name, path in part.artifacts)


def _artifact(name: str, path: str, versions: Versions, index: Index) -> Artifact:
    version = index.version(name, versions)
    url, sha256 = index.artifact(name, version)
    return Artifact(name=name, url=url, sha256=sha256, path=path, member=index.member(name, version))


def json_file(path: str, content: Json, mode: int = 0o600, owner: str = "root:root") -> File:
    """Return a configuration file as JSON (which YAML parsers read), one setting per line."""
    return File(path=path, content=json.dumps(content, indent=2) + "\n", mode=mode, owner=owner)


def _unique(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
