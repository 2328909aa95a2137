"""Downloads from official sites, verified by the checksum that upstream publishes."""

from __future__ import annotations

import tarfile
from pathlib import Path

from artifacts import fetch
from artifacts.cache import Cache, write_atomic
from artifacts.catalogue import Binary
from artifacts.errors import ArtifactError
from artifacts.progress import Progress


def is_available(item: Binary) -> bool:
    """Check whether a binary of the catalogue has an official site that answers."""
    return item.official is not None and fetch.reachable(*fetch.host_and_port(item.official.url))


def published_checksum(item: Binary, cache: Cache) -> str:
    """Return the published sha256 of the official file or archive of a binary, from the cache if possible.

    Raise ArtifactError if upstream publishes no checksum, and Unavailable if it cannot be fetched.
    """
    if item.official is None:
        raise ArtifactError(f"{item.name} {item.version}: upstream publishes no file with a checksum")
    file = item.official.url.rsplit("/", 1)[-1]
    cached = cache.root / "checksums" / item.component.name / item.version / f"{file}.sha256"
    if cached.is_file():
        return fetch.published_checksum(cached.read_text(), file)
    digest = fetch.published_checksum(fetch.fetch_text(item.official.checksum), file)
    write_atomic(cached, f"{digest}  {file}\n")
    return digest


def download(item: Binary, cache: Cache, workspace: Path, progress: Progress) -> Path:
    """Download the official file of a binary to `workspace`, verify it and return its path.

    Raise Unavailable if the file cannot be fetched, and ArtifactError if its verification fails or the
    archive lacks the binary.
    """
    digest = published_checksum(item, cache)
    assert item.official is not None
    archive = workspace / "download"
    fetch.download(item.official.url, archive, digest, progress)
    return _extract_member(archive, item.official.member, workspace) if item.official.member else archive


def _extract_member(archive: Path, member: str, workspace: Path) -> Path:
    """Extract only the regular file `member` of a tar archive and return the path of the extracted file.

    Raise ArtifactError if the archive has no such file.
    """
    target = workspace / "member"
    member_path = member.removeprefix("./")
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.name.removeprefix("./") == member_path and entry.isfile():
                source = tar.extractfile(entry)
                assert source is not None
                with source, target.open("wb") as file:
                    while block := source.read(1 << 20):
                        file.write(block)
                return target
    raise ArtifactError(
        f"{archive.name}: has no file {member}; upstream may have changed its archive's layout"
    )
