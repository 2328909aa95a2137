"""Finds e2e.test, ginkgo and kubectl of the cluster's version: in the cache, the stack's mirror, or as
builds.
"""

from __future__ import annotations

from pathlib import Path

from artifacts import acquire, catalogue, fetch
from artifacts.cache import Cache
from artifacts.catalogue import Binary, binary
from artifacts.conformance.mirror import PROGRAMS
from artifacts.errors import ArtifactError, Unavailable
from artifacts.index import Index, load
from artifacts.progress import Progress
from automation.conformance.ginkgo import Programs
from automation.errors import UserError
from settings import Settings


def provide(version: str, settings: Settings, cache: Cache, progress: Progress) -> Programs:
    """Return the programs for a version of Kubernetes.

    The sources are the cache, the mirror of the stack, the official site, and a build. Raise UserError if the
    catalogue has no such version, and ArtifactError if a program cannot be obtained.
    """
    supported = catalogue.supported_versions("kubernetes")
    if version not in supported:
        raise UserError(
            f"the cluster runs Kubernetes {version}, and there is no e2e.test for this version; "
            f"the catalogue has {', '.join(supported)}"
        )
    rows = [binary(name, version) for name in (*PROGRAMS, "kubectl")]
    missing = [item for item in rows if cache.record(item.name, item.version) is None]
    if missing:
        _take_from_mirror(missing, settings, cache, progress)
    paths = {item.name: acquire.fetch_or_build(item, cache, progress) for item in rows}
    return Programs(ginkgo=paths["ginkgo"], tests=paths["e2e.test"], kubectl=paths["kubectl"])


def _take_from_mirror(items: list[Binary], settings: Settings, cache: Cache, progress: Progress) -> None:
    """Download programs that the mirror of the stack has; do nothing without a mirror that answers."""
    mirror, ca_file = settings.artifacts.mirror, settings.artifacts.ca_file
    if not mirror or not mirror.startswith("https://"):
        return
    ca_path = Path(ca_file) if ca_file else None
    try:
        pinned = Path(settings.artifacts.index).read_text() if settings.artifacts.index else None
        index = load(mirror, ca_path, pinned=pinned)
    except (ArtifactError, OSError) as error:
        progress.note(f"{error}; the mirror is not used")
        return
    for item in items:
        _download(item, index, ca_path, cache, progress)


def _download(item: Binary, index: Index, ca_file: Path | None, cache: Cache, progress: Progress) -> None:
    source = index.files.get(item.key)
    if source is None:
        return
    with cache.lock(item.key), cache.workspace() as workspace:
        target = workspace / "download"
        try:
            fetch.download(source.url, target, source.sha256, progress, tls=fetch.tls_context(ca_file))
        except Unavailable as error:
            progress.note(f"{error}; the mirror is not used for {item.name}")
            return
        cache.add(item.name, item.version, target, source="mirror")
