"""Components of a bundle, such as etcd or the kubelet, and functions that combine several components."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from nodeconfig.bundle import Artifact, File, RequiredKernel, RequiredProgram, SecretFile, Service
from topology.model import Versions

Json = dict[str, object]
_Item = TypeVar("_Item")


class BundleError(Exception):
    """A bundle that cannot be built or delivered. The message has the role or file, and the reason."""


class Index(Protocol):
    """Interface to the URLs and digests of artifacts, implemented by `artifacts.index.Index`."""

    @property
    def ca(self) -> str:
        """The PEM of the CA that verifies downloads, empty for the CAs of the system."""

    def version(self, name: str, versions: Versions, architecture: str) -> str:
        """Return the version of an artifact for machines with an architecture, in a cluster with these
        component versions. The architecture is as in `Machine.architecture`.
        """

    def artifact(self, name: str, version: str) -> tuple[str, str]:
        """Return the URL and sha256 (hex) of an artifact."""

    def member(self, name: str, version: str) -> str:
        """Return the member of an archive to install, as in `Artifact.member`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Files, artifacts, services, directories, kernel modules and requirements of one part of a bundle.

    `artifacts` are pairs of the name in the catalogue and the path on the host. Other fields are as in
    `Bundle`.
    """

    files: tuple[File, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    artifacts: tuple[tuple[str, str], ...] = ()
    services: tuple[Service, ...] = ()
    directories: tuple[File, ...] = ()
    modules: tuple[str, ...] = ()
    required_programs: tuple[RequiredProgram, ...] = ()
    required_kernels: tuple[RequiredKernel, ...] = ()


def combine_components(components: Sequence[Component]) -> Component:
    """Return one component with the files, artifacts and services of all components, without duplicates.

    Entries keep the order of the components. Raise BundleError when two components have different content at
    the same path.
    """
    combined = Component(
        files=_without_duplicates(item for component in components for item in component.files),
        secrets=_without_duplicates(item for component in components for item in component.secrets),
        artifacts=_without_duplicates(item for component in components for item in component.artifacts),
        services=_without_duplicates(item for component in components for item in component.services),
        directories=_without_duplicates(item for component in components for item in component.directories),
        modules=_without_duplicates(item for component in components for item in component.modules),
        required_programs=_without_duplicates(
            item for component in components for item in component.required_programs
        ),
        required_kernels=_without_duplicates(
            item for component in components for item in component.required_kernels
        ),
    )
    paths = [path for _, path in combined.artifacts]
    paths += [item.path for item in (*combined.files, *combined.directories)]
    paths += [item.path for item in combined.secrets]
    conflicts = sorted({path for path in paths if paths.count(path) > 1})
    if conflicts:
        raise BundleError(f"two components have different content at {', '.join(conflicts)}")
    return combined


def resolve_artifacts(
    component: Component, versions: Versions, architecture: str, index: Index
) -> tuple[Artifact, ...]:
    """Return the artifacts of a component for machines with an architecture, with URLs and digests.

    Raise the index's ArtifactError.
    """
    return tuple(
        _resolve_artifact(name, path, index.version(name, versions, architecture), index)
        for name, path in component.artifacts
    )


def _resolve_artifact(name: str, path: str, version: str, index: Index) -> Artifact:
    url, sha256 = index.artifact(name, version)
    return Artifact(name=name, url=url, sha256=sha256, path=path, member=index.member(name, version))


def json_file(path: str, content: Json, mode: int = 0o600, owner: str = "root:root") -> File:
    """Return a configuration file as JSON, which YAML parsers can read, with one setting per line."""
    return File(path=path, content=json.dumps(content, indent=2) + "\n", mode=mode, owner=owner)


def _without_duplicates(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
