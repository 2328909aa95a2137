"""Where hosts fetch their files: url and sha256 of each, from a mirror or from the official places."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from artifacts import catalogue, fetch, official
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.mirror import INDEX, program_path
from nodeconfig import host_program
from topology.model import Versions

TAR_ARTIFACTS = ("netfilter", "haproxy", "keepalived")
"""Artifacts that are tar archives, unpacked whole (`Artifact.member` is `*`)."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file: where it is fetched and what it must be. `member` as in nodeconfig.bundle.Artifact."""

    url: str
    sha256: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """Files by `name/version`. `source` says where they come from, for messages; `ca` is the PEM of
    the authority that verifies downloads, empty for the system's own."""

    source: str
    versions: Versions
    places: Mapping[str, FileSource]
    ca: str = ""

    def place(self, name: str, version: str = "") -> FileSource:
        """The file of that name, at the stack's version unless one is given.

        Raises ArtifactError, naming the mirror and the command that completes it, when there is none.
        """
        version = version or catalogue.version_of(name, self.versions)
        found = self.places.get(f"{name}/{version}")
        if found is None:
            raise ArtifactError(f"{name} {version}: not in {self.source}; {self._advice()}")
        return found

    def version(self, name: str, versions: Versions) -> str:
        """Return the version of an artifact in a set of component versions."""
        return catalogue.version_of(name, versions)

    def artifact(self, name: str, version: str = "") -> tuple[str, str]:
        """URL and sha256 (hex) of a file. Raises ArtifactError as `place` does."""
        place = self.place(name, version)
        return place.url, place.sha256

    def member(self, name: str, version: str = "") -> str:
        """What of the fetched file is installed: see `nodeconfig.bundle.Artifact.member`."""
        return self.place(name, version).member

    def _advice(self) -> str:
        if self.source == _OFFICIAL:
            return "make a mirror (make mirror) and set artifacts.mirror"
        return "run make mirror for these versions and copy the result there"


_OFFICIAL = "the official places"


def load(
    mirror: str | None,
    ca_file: Path | None = None,
    versions: Versions = catalogue.DEFAULTS,
    *others: Versions,
    pinned: str | None = None,
) -> Index:
    """The index of a stack; `others` are the sets of versions of pools that stay behind.

    `mirror`: an https URL, a directory, or None for the official places. `ca_file`: PEM of the
    authority of the mirror's certificate (None: the system's). `pinned`: the text of the mirror's index
    where it is kept elsewhere; the mirror is not asked then. Raises ArtifactError, one line, when the
    mirror cannot be reached or verified, is no mirror, or misses a file of these versions.
    """
    if not mirror:
        behind = [from_official(other, Cache.default()).places for other in others]
        index = from_official(versions, Cache.default())
        return replace(
            index, places={key: place for places in (*behind, index.places) for key, place in places.items()}
        )
    ca = _read_ca(ca_file)
    if mirror.startswith("https://"):
        text = pinned if pinned is not None else _fetch(mirror.rstrip("/"), ca_file)
        base = mirror.rstrip("/")
    elif "://" in mirror:
        raise ArtifactError(f"artifacts.mirror {mirror}: must be an https URL or a directory")
    else:
        directory = Path(mirror).expanduser().absolute()
        text = pinned if pinned is not None else _read(directory)
        base = directory.as_uri()
    index = parse(text, base, mirror, versions, ca)
    if pinned is not None:
        # What was written down some day cannot know today's; its digest is known here.
        index = _with_program(index, base)
    index.place(host_program.NAME, host_program.digest())
    for each in (versions, *others):
        for name in catalogue.NODE_ARTIFACTS:
            index.place(name, catalogue.version_of(name, each))
    return index


def parse(text: str, base: str, mirror: str, versions: Versions, ca: str = "") -> Index:
    """The index in the text of an index.json, with URLs below `base`. Raises ArtifactError if malformed."""
    source = f"the mirror {mirror}"
    try:
        places = {
            key: FileSource(_below(base, entry["path"]), _digest(entry["sha256"]), _member(key))
            for key, entry in json.loads(text)["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"artifacts.mirror {mirror}: its {INDEX} is not one that make mirror wrote ({error})"
        ) from None
    return Index(source=source, versions=versions, places=places, ca=ca)


def _with_program(index: Index, base: str) -> Index:
    """The index with this checkout's host program where `make mirror` puts it."""
    digest = host_program.digest()
    place = FileSource(_below(base, program_path(digest)), digest)
    return replace(index, places={**index.places, f"{host_program.NAME}/{digest}": place})


def from_official(
    versions: Versions, cache: Cache, *, available: Callable[[catalogue.Binary], bool] = official.available
) -> Index:
    """The index of upstreams' own places, by the checksums they publish (kept in the cache).

    Files that no upstream publishes (the host program, netfilter, flanneld, our approver) are not in it;
    asking for one says so. Raises ArtifactError when an official place does not answer.
    """
    places = {}
    for item in catalogue.node_binaries(versions):
        if item.official is None:
            continue
        if not available(item):
            host, _ = fetch.place(item.official.url)
            raise ArtifactError(
                f"{item.name} {item.version}: its official place {host} does not answer; "
                "make a mirror (make mirror) and set artifacts.mirror"
            )
        digest = official.checksum(item, cache)
        places[item.key] = FileSource(item.official.url, digest, item.official.member)
    return Index(source=_OFFICIAL, versions=versions, places=places)


def _member(key: str) -> str:
    return "*" if key.split("/")[0] in TAR_ARTIFACTS else ""


def _below(base: str, path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"path {path} leaves the mirror")
    return f"{base}/{quote(path)}"


def _digest(value: str) -> str:
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ValueError(f"{value!r} is not a sha256")
    return value


def _read_ca(ca_file: Path | None) -> str:
    if ca_file is None:
        return ""
    try:
        return ca_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        detail = error.strerror if isinstance(error, OSError) else "not a PEM file"
        raise ArtifactError(f"artifacts.ca_file {ca_file}: cannot be read ({detail})") from None


def _fetch(mirror: str, ca_file: Path | None) -> str:
    if not urlsplit(mirror).hostname:
        raise ArtifactError(f"artifacts.mirror {mirror}: has no host")
    try:
        return fetch.text(f"{mirror}/{INDEX}", tls=fetch.context(ca_file))
    except ArtifactError as error:
        raise ArtifactError(
            f"artifacts.mirror: {error}; is it up, and artifacts.ca_file its authority?"
        ) from None


def _read(directory: Path) -> str:
    try:
        return (directory / INDEX).read_text()
    except OSError as error:
        raise ArtifactError(
            f"artifacts.mirror {directory}: no readable {INDEX} ({error.strerror}); run make mirror"
        ) from None
