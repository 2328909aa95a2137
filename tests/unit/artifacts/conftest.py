"""Fixtures: a cache with a small fake of every file, and an HTTPS server with a private CA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts import catalogue, fetch, images, oci
from artifacts.cache import Cache
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from testkit.artifact_server import ArtifactServer, add_artifact, serve_artifacts


@pytest.fixture(autouse=True)
def no_official_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid downloads from the official sources."""
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "never")
    fetch.reachable.cache_clear()


@pytest.fixture
def progress() -> Progress:
    return Progress(quiet=True)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def full_cache(cache: Cache, tmp_path: Path) -> Cache:
    for item in catalogue.node_binaries():
        add_artifact(cache, item.name, item.version, f"content of {item.name}".encode(), tmp_path)
    for reference in catalogue.images():
        layout = cache.root / "images" / images.layout_directory(reference)
        layout.mkdir(parents=True)
        oci.write_layout(layout, reference, "amd64", [Entry("x", reference.encode())], Config())
        (layout / "complete.json").write_text("{}")
    return cache


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ArtifactServer]:
    with serve_artifacts(tmp_path) as state:
        yield state
