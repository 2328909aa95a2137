"""The index of a mirror: URL and sha256 of each file that hosts fetch, and digests of images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from artifacts import catalogue, fetch
from artifacts.acquire import DEBIAN_RECIPES
from artifacts.errors import ArtifactError
from artifacts.mirror import INDEX, file_path
from nodeconfig import host_program
from nodeconfig.bundle import STORE_SCHEME
from topology.architectures import AMD64, ARM64
from topology.model import Versions

ARCHITECTURES = (AMD64, ARM64)
MIRROR_ADVICE = (
    "run `kubewright mirror`, with --version COMPONENT=VERSION for each version that is not the default"
)
"""How to complete the mirror of this machine, from which the deployer fills the store of a cluster."""
OTHER_ARCHITECTURE_ADVICE = (
    "on an {} machine, run `kubewright mirror --directory` with a copy of this mirror, and copy the result "
    "back"
)
"""How to add the files for another architecture to a mirror."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """URL and sha256 (hex) of one file of a mirror or of the cluster's own store.

    `member` has the meaning of `nodeconfig.bundle.Artifact.member`.
    """

    url: str
    sha256: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """The files of a mirror. The keys of `files` are `name/version`, with `catalogue.indexed_version`.

    `architecture` is the architecture of the images, and of files without another architecture in their key.
    `source` names the mirror in messages, and `advice` says how to complete it. `ca` is the PEM of the CA
    that verifies downloads, or empty for the CAs of the system. `image_digests` has the digest (`sha256:` and
    hex digits) of each image of the mirror by its upstream reference.
    """

    source: str
    versions: Versions
    files: Mapping[str, FileSource]
    ca: str = ""
    image_digests: Mapping[str, str] = field(default_factory=dict)
    advice: str = "run make mirror for these versions and copy the result there"
    architecture: str = AMD64

    def file(self, name: str, version: str = "") -> FileSource:
        """Return the source of the file `name` in `version` (by default the version of the stack).

        The ArtifactError for a missing file names the mirror and the command that completes the mirror.
        """
        version = version or catalogue.version_of(name, self.versions)
        file = self.files.get(f"{name}/{version}")
        if file is None:
            architecture = next((item for item in ARCHITECTURES if version.endswith(f"-{item}")), "")
            advice = OTHER_ARCHITECTURE_ADVICE.format(architecture) if architecture else self.advice
            raise ArtifactError(f"{name} {version}: not in {self.source}; {advice}")
        return file

    def version(self, name: str, versions: Versions, architecture: str = "") -> str:
        """Return the version of an artifact for machines with an architecture, in a cluster with these
        component versions. The empty text is the architecture of the mirror.
        """
        version = catalogue.version_of(name, versions)
        return catalogue.indexed_version(version, architecture, self.architecture)

    def artifact(self, name: str, version: str = "") -> tuple[str, str]:
        """Return the URL and sha256 (hex) of a file. Raise ArtifactError for a missing file."""
        file = self.file(name, version)
        return file.url, file.sha256

    def member(self, name: str, version: str = "") -> str:
        """Return the path inside the archive to install: see `nodeconfig.bundle.Artifact.member`."""
        return self.file(name, version).member


def load(
    mirror: str | None,
    ca_file: Path | None = None,
    versions: Versions = catalogue.DEFAULTS,
    *other_versions: Versions,
    pinned: str | None = None,
) -> Index:
    """Return the index of the mirror of a stack, checked to have all files for `versions` and
    `other_versions`.

    `versions` are the versions of the cluster, `other_versions` those of pools that run older versions.
    `mirror` is an https URL or a directory. `ca_file` is the PEM file of the CA of the mirror (None: the
    CAs of the system). `pinned` is the text of a saved copy of the index, which is used instead of
    contacting the mirror. Raise ArtifactError with one line if `mirror` is missing, unreachable, not
    verified or not a mirror, or if it lacks a file of these versions.
    """
    if not mirror:
        raise ArtifactError(
            "artifacts.mirror: required, because some files have no official place; "
            "make a mirror (make mirror) and set artifacts.mirror"
        )
    ca = _read_ca(ca_file)
    if mirror.startswith("https://"):
        text = pinned if pinned is not None else _fetch_index(mirror.rstrip("/"), ca_file)
        base = mirror.rstrip("/")
    elif "://" in mirror:
        raise ArtifactError(f"artifacts.mirror {mirror}: must be an https URL or a directory")
    else:
        directory = Path(mirror).expanduser().absolute()
        text = pinned if pinned is not None else _read_index_file(directory)
        base = directory.as_uri()
    index = parse(text, base, mirror, versions, ca)
    if pinned is None:
        index.file(host_program.ARTIFACT_NAME, host_program.digest())
    # The digest comes from this checkout: a pinned index may be older, and a mirror is not trusted.
    url = _join_url(base, file_path(host_program.ARTIFACT_NAME, host_program.digest()))
    index = _with_host_program(index, url)
    _check_versions(index, versions, *other_versions)
    return index


def load_own(
    directory: Path,
    versions: Versions = catalogue.DEFAULTS,
    *other_versions: Versions,
    pinned: str | None = None,
) -> Index:
    """Return the index of a cluster that fetches from its own store, checked as by `load`.

    `directory` is the mirror of this machine, from which the deployer fills the store. `pinned` is the text
    of a saved copy of the index, which is used instead of the index of this mirror. Raise ArtifactError with
    one line if the mirror is missing or damaged, or if it lacks a file of these versions.
    """
    setting = "artifacts.store"
    if pinned is None:
        try:
            pinned = (directory / INDEX).read_text()
        except OSError as error:
            raise ArtifactError(
                f"{setting}: no mirror in {directory} ({error.strerror}), from which the store is filled; "
                "run `kubewright mirror`"
            ) from None
    index = parse(pinned, directory.as_uri(), str(directory), versions, setting=setting)
    files = {key: replace(file, url=f"{STORE_SCHEME}{key}") for key, file in index.files.items()}
    index = replace(index, files=files, advice=MIRROR_ADVICE)
    index = _with_host_program(index, f"{STORE_SCHEME}{host_program.ARTIFACT_NAME}/{host_program.digest()}")
    _check_versions(index, versions, *other_versions)
    return index


def _check_versions(index: Index, *version_sets: Versions) -> None:
    """Raise ArtifactError if a file is missing that hosts with these versions fetch."""
    for versions in version_sets:
        for name in catalogue.NODE_ARTIFACTS:
            index.file(name, catalogue.version_of(name, versions))


def parse(
    text: str, base: str, mirror: str, versions: Versions, ca: str = "", setting: str = "artifacts.mirror"
) -> Index:
    """Return the index that the text of an index.json describes; its paths are relative to the URL `base`.

    Raise ArtifactError if the text is malformed. `setting` is the setting that the message names.
    """
    source = f"the mirror {mirror}"
    try:
        document = json.loads(text)
        files = {
            key: FileSource(
                _join_url(base, entry["path"]), _parse_digest(entry["sha256"]), _member_to_install(key)
            )
            for key, entry in document["files"].items()
        }
        images = {
            reference: f"sha256:{_parse_digest(entry['digest'].removeprefix('sha256:'))}"
            for reference, entry in document.get("images", {}).items()
        }
        architecture = document.get("architecture", AMD64)
        if architecture not in ARCHITECTURES:
            raise ValueError(f"{architecture!r} is not an architecture")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{setting} {mirror}: its {INDEX} was not written by make mirror ({error})"
        ) from None
    return Index(source, versions, files, ca, images, architecture=architecture)


def _with_host_program(index: Index, url: str) -> Index:
    """Return the index with the host program of this checkout added."""
    digest = host_program.digest()
    file = FileSource(url, digest)
    return replace(index, files={**index.files, f"{host_program.ARTIFACT_NAME}/{digest}": file})


def _member_to_install(key: str) -> str:
    """Return the archive member to install for a key `name/version`: `*` for all, empty for a plain file."""
    return "*" if key.split("/")[0] in DEBIAN_RECIPES else ""


def _join_url(base: str, path: str) -> str:
    """Return the URL of a path below `base`. Raise ValueError for a path that leaves the mirror."""
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"path {path} leaves the mirror")
    return f"{base}/{quote(path)}"


def _parse_digest(value: str) -> str:
    """Return `value` if it is a sha256 in hex. Raise ValueError otherwise."""
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


def _fetch_index(mirror: str, ca_file: Path | None) -> str:
    if not urlsplit(mirror).hostname:
        raise ArtifactError(f"artifacts.mirror {mirror}: has no host")
    try:
        return fetch.fetch_text(f"{mirror}/{INDEX}", tls=fetch.tls_context(ca_file))
    except ArtifactError as error:
        raise ArtifactError(
            f"artifacts.mirror: {error}; is it up, and artifacts.ca_file its authority?"
        ) from None


def _read_index_file(directory: Path) -> str:
    try:
        return (directory / INDEX).read_text()
    except OSError as error:
        raise ArtifactError(
            f"artifacts.mirror {directory}: no readable {INDEX} ({error.strerror}); run make mirror"
        ) from None
