"""Official files, verified by the checksum that upstream publishes."""

from __future__ import annotations

import tarfile
from pathlib import Path

from artifacts import fetch
from artifacts.cache import Cache, write_atomic
from artifacts.catalogue import Binary
from artifacts.errors import ArtifactError
from artifacts.progress import Progress


def is_available(item: Binary) -> bool:
    """Check whether the item has an official site that answers."""
    return item.official is not None and fetch.reachable(*fetch.host_and_port(item.official.url))


def published_checksum(item: Binary, cache: Cache) -> str:
    """Return the published sha256 of the file or archive of the item, from the cache if possible.

    Raises ArtifactError.
    """
    if item.official is None:
        raise ArtifactError(f"{item.name} {item.version}: upstream publishes no file with a checksum")
    file = item.official.url.rsplit("/", 1)[-1]
    kept = cache.root / "checksums" / item.component.name / item.version / f"{file}.sha256"
    if kept.is_file():
        return fetch.published_checksum(kept.read_text(), file)
    digest = fetch.published_checksum(fetch.text(item.official.checksum), file)
    write_atomic(kept, f"{digest}  {file}\n")
    return digest


def download(item: Binary, cache: Cache, workspace: Path, progress: Progress) -> Path:
    """Download the item to `workspace` and verify it. Raises ArtifactError."""
    digest = published_checksum(item, cache)
    assert item.official is not None
    archive = workspace / "download"
    fetch.download(item.official.url, archive, digest, progress)
    return _extract_member(archive, item.official.member, workspace) if item.official.member else archive


def _extract_member(archive: Path, member: str, workspace: Path) -> Path:
    """Extract one regular file of a tar archive by name. No other file of the archive is written."""
    target = workspace / "member"
    wanted = member.removeprefix("./")
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.name.removeprefix("./") == wanted and entry.isfile():
                source = tar.extractfile(entry)
                assert source is not None
                with source, target.open("wb") as file:
                    while block := source.read(1 << 20):
                        file.write(block)
                return target
    raise ArtifactError(
        f"{archive.name}: has no file {member}; upstream may have changed its archive's layout"
    )
