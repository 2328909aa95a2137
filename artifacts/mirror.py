"""The mirror: a directory of files and images with checksums, for the lab and for air-gapped sites.

files/<name>/<version>/<name>      what hosts fetch; the host program's version is its sha256
images/<registry>/<path>/<tag>/    an OCI layout per image
charts/<host>/<path>/              a chart repository per source of charts (`artifacts.charts`)
index.json                         path, sha256 and size of all files and images, and their architecture
SHA256SUMS                         for `sha256sum -c`, from inside the directory

A build on a machine with another architecture adds its files: <version> then has a suffix, such as
`1.36.3-arm64`. The images stay those of the architecture on which the mirror was created.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artifacts import acquire, catalogue, oci
from artifacts import images as layouts
from artifacts.cache import Cache, Record, sha256, write_atomic
from artifacts.catalogue import Binary
from artifacts.charts import INDEX as CHART_INDEX
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from nodeconfig import host_metrics, host_program, snapshot_targets
from nodeconfig.roles import node_artifacts
from topology.architectures import AMD64
from topology.model import Topology, Versions

INDEX = "index.json"
SUMS = "SHA256SUMS"


def optional_artifacts(topology: Topology) -> tuple[str, ...]:
    """Return the optional artifacts of the catalogue that hosts of this cluster fetch."""
    needed = {
        *node_artifacts(topology),
        *snapshot_targets.artifacts(topology.snapshots),
        *host_metrics.artifacts(topology),
    }
    return tuple(name for name in catalogue.OPTIONAL_ARTIFACTS if name in needed)


def optional_images(topology: Topology) -> tuple[str, ...]:
    """Return the references of the optional images of the catalogue that this cluster uses."""
    used = {
        "cert-manager": topology.cert_manager,
        "distribution": topology.distribution,
        "external-dns": topology.external_dns,
        "keda": topology.keda,
        "local-path-provisioner": topology.storage.local,
        "external-snapshotter": topology.storage.snapshots,
        "metallb": topology.metallb,
        **dict.fromkeys(("prometheus", "alertmanager"), topology.monitoring),
        "traefik": topology.ingress,
        "otelcol": topology.logs,
        "loki": topology.logs and topology.logs.loki,
    }
    of_add_ons = (image for add_on, data in used.items() if data for image in catalogue.images_of(add_on))
    cilium = topology.network.cilium
    of_cilium = catalogue.images_of("cilium", cilium.version) if cilium else ()
    has_collection = topology.distribution is not None and topology.distribution.collection is not None
    return (*of_add_ons, *of_cilium, *((catalogue.KUBECTL_IMAGE,) if has_collection else ()))


def build(
    directory: Path,
    versions: Versions = catalogue.DEFAULTS,
    progress: Progress | None = None,
    *,
    cache: Cache | None = None,
    optional: Sequence[str] = (),
    optional_images: Sequence[str] = (),
) -> Path:
    """Build or complete the mirror for these versions and return its directory.

    `optional` are the names of optional artifacts of the catalogue that the mirror gets too, and
    `optional_images` the references of optional images. Existing files of other versions and architectures
    are kept, so that one mirror can serve an upgrade. Raise ArtifactError if a file is unavailable or cannot
    be written.
    """
    cache = cache or Cache.default()
    progress = progress or Progress()
    binaries = catalogue.node_binaries(versions, optional)
    own, machine = read_architecture(directory), catalogue.architecture()["arch"]
    references = (*catalogue.images(versions), *optional_images) if own == machine else ()
    progress.expect_steps(len(binaries) + len(references))
    if not references:
        progress.note(f"{directory}: keeps its images for {own}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        files = {}
        for item in progress.track(binaries):
            version = catalogue.indexed_version(item.version, machine, own)
            files[f"{item.name}/{version}"] = add_file(item, directory, cache, progress, version)
        files[f"{host_program.ARTIFACT_NAME}/{host_program.digest()}"] = add_host_program(directory)
        images = {
            reference: add_image(reference, directory, cache, progress)
            for reference in progress.track(references)
        }
        record(directory, files, images, cache)
    except OSError as error:
        raise ArtifactError(f"mirror {directory}: {error.strerror} ({error.filename})") from None
    return directory


Entries = dict[str, dict[str, str | int]]
"""Entries of index.json by `name/version` or reference."""


def record(
    directory: Path, files: Entries, images: Entries, cache: Cache, *, charts: Entries | None = None
) -> None:
    """Add entries to the index of a mirror. Keep all other entries. Raise ArtifactError if the index is
    damaged.
    """
    # Other processes may complete the mirror for other versions at the same time.
    with cache.lock("mirror"):
        index = read_index(directory)
        new = {"files": files, "images": images, "charts": charts or {}}
        _write_index(directory, {name: index.get(name, {}) | entries for name, entries in new.items()})


def read_architecture(directory: Path) -> str:
    """Return the architecture of a mirror; the architecture of this machine for a new mirror.

    A mirror of an earlier release, whose index has no architecture, is for amd64. Raise ArtifactError if the
    index is damaged.
    """
    if not (directory / INDEX).exists():
        return catalogue.architecture()["arch"]
    return str(_read_document(directory / INDEX).get("architecture", AMD64))


def is_own_architecture(directory: Path) -> bool:
    """Return whether the mirror has the architecture of this machine."""
    return read_architecture(directory) == catalogue.architecture()["arch"]


IndexDocument = dict[str, dict[str, dict[str, str | int]]]
"""The content of index.json: the sections `files`, `images` and, if there are any, `charts`, with entries by
`name/version` or reference.
"""


def read_index(directory: Path) -> IndexDocument:
    """Return the content of index.json of a mirror, empty for a new mirror.

    Raise ArtifactError if the index is damaged.
    """
    path = directory / INDEX
    if not path.exists():
        return {"files": {}, "images": {}}
    index = _read_document(path)
    sections = ("files", "images", "charts")
    return {name: index[name] for name in sections if name in index}


def _read_document(path: Path) -> dict[str, Any]:
    """Return the content of an index.json. Raise ArtifactError if it is damaged."""
    try:
        index = json.loads(path.read_text())
        sections = {"files": dict(index["files"]), "images": dict(index["images"])}
        return {**index, **sections, **({"charts": dict(index["charts"])} if "charts" in index else {})}
    except (ValueError, KeyError, TypeError):
        raise ArtifactError(f"{path}: is damaged; remove it and run make mirror again") from None


def export_index(directory: Path, target: Path) -> None:
    """Write an index file for `artifacts.index`: the files and images of the mirror with their digests.

    Raise ArtifactError if the index of the mirror is damaged or `target` cannot be written.
    """
    text = _index_text(read_index(directory), read_architecture(directory))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, text)
    except OSError as error:
        raise ArtifactError(f"index {target}: {error.strerror}; name a file that can be written") from None


def add_file(
    item: Binary, directory: Path, cache: Cache, progress: Progress, version: str = ""
) -> dict[str, str | int]:
    """Add one binary to the mirror and return its entry for the index.

    `version` is the version of the file in the index; by default that of the binary. Raise
    ArtifactError if the binary fails verification, or can neither be downloaded nor built.
    """
    source = acquire.fetch_or_build(item, cache, progress)
    record = cache.record(item.name, item.version)
    assert record is not None
    path = file_path(item.name, version or item.version)
    _link_or_copy(source, directory / path, record)
    return {"path": path, "sha256": record.sha256, "size": record.size}


def add_host_program(directory: Path) -> dict[str, str | int]:
    """Add the host program of this checkout to the mirror and return its entry for the index."""
    text, digest = host_program.program(), host_program.digest()
    path = file_path(host_program.ARTIFACT_NAME, digest)
    write_atomic(directory / path, text)
    return {"path": path, "sha256": digest, "size": len(text.encode())}


def file_path(name: str, version: str) -> str:
    """Return the path in a mirror of a file; the version of the host program is its digest."""
    return f"files/{name}/{version}/{name}"


def _link_or_copy(source: Path, target: Path, record: Record) -> None:
    """Copy a cached file to the mirror, as a hard link if possible. Do not write to an identical file."""
    try:
        existing = target.stat()
        if target.samefile(source) or (existing.st_size == record.size and sha256(target) == record.sha256):
            return
    except FileNotFoundError:
        pass
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # the mirror is on another file system
        shutil.copyfile(source, temporary)
        temporary.chmod(0o755)
    temporary.replace(target)


def add_image(
    reference: str,
    directory: Path,
    cache: Cache,
    progress: Progress,
    recipes: Mapping[str, layouts.Recipe] | None = None,
) -> dict[str, str | int]:
    """Add one image to the mirror and return its entry for the index.

    `recipes` has the meaning of `artifacts.images.fetch_or_build`. Raise ArtifactError if the image can
    neither be pulled nor built.
    """
    layout = layouts.fetch_or_build(reference, cache, progress, recipes)
    path = Path("images") / layouts.layout_directory(reference)
    target = directory / path
    for blob in layouts.layout_blobs(layout):
        _link_or_copy(
            blob, target / "blobs" / "sha256" / blob.name, Record(blob.name, blob.stat().st_size, "image")
        )
    for name in ("oci-layout", "index.json"):
        write_atomic(target / name, (layout / name).read_text())
    size = sum(blob.stat().st_size for blob in layouts.layout_blobs(layout))
    return {"path": str(path), "digest": oci.manifest_digest(layout), "size": size}


def _write_index(directory: Path, index: IndexDocument) -> None:
    """Write index.json and SHA256SUMS of a mirror."""
    digests = {str(entry["path"]): str(entry["sha256"]) for entry in index["files"].values()}
    for entry in index["images"].values():
        layout = directory / str(entry["path"])
        for blob in layouts.layout_blobs(layout):
            digests[str(blob.relative_to(directory))] = blob.name
        for name in ("oci-layout", "index.json"):
            digests[str(Path(str(entry["path"]), name))] = sha256(layout / name)
    for entry in index.get("charts", {}).values():
        path = Path(str(entry["path"]))
        digests[str(path)] = str(entry["sha256"])
        digests[str(path.parent / CHART_INDEX)] = sha256(directory / path.parent / CHART_INDEX)
    write_atomic(directory / INDEX, _index_text(index, read_architecture(directory)))
    digests[INDEX] = sha256(directory / INDEX)
    write_atomic(directory / SUMS, "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items())))


def _index_text(index: IndexDocument, architecture: str) -> str:
    """Return the text of index.json for a mirror of an architecture."""
    sections = {name: entries for name, entries in index.items() if entries or name != "charts"}
    return json.dumps({"architecture": architecture, **sections}, indent=1, sort_keys=True) + "\n"
