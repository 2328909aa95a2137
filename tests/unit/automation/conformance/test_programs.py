"""Tests of the sources of e2e.test and ginkgo: the mirror of the stack, verified by its index."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue, gobuild
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.mirror import file_path
from artifacts.progress import Progress
from automation.conformance.programs import provide
from nodeconfig import host_program
from settings import Settings
from settings.versions import ArtifactSettings
from testkit.artifact_server import ArtifactServer, add_artifact, serve_artifacts

TESTS = b"e2e.test of the mirror"


def entry(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def fill(server: ArtifactServer, *, tests: bytes = TESTS) -> None:
    """Serve an index with all files of hosts and with e2e.test."""
    files = {item.key: entry(f"files/{item.key}", b"x") for item in catalogue.node_binaries()}
    digest = host_program.digest()
    files[f"{host_program.ARTIFACT_NAME}/{digest}"] = entry(
        file_path(host_program.ARTIFACT_NAME, digest), b"x"
    ) | {"sha256": digest}
    files["e2e.test/1.36.3"] = entry("files/e2e.test/1.36.3/e2e.test", TESTS)
    server.files["/index.json"] = json.dumps({"files": files, "images": {}}).encode()
    server.files["/files/e2e.test/1.36.3/e2e.test"] = tests


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "never")
    cache = Cache(tmp_path / "cache")
    for name in ("ginkgo", "kubectl"):
        add_artifact(cache, name, "1.36.3", b"program", tmp_path)
    return cache


def settings_of(server: ArtifactServer) -> Settings:
    artifacts = ArtifactSettings.model_validate({"mirror": server.url, "ca_file": str(server.ca_file)})
    return Settings.model_construct(artifacts=artifacts)


def test_program_comes_from_the_mirror_of_the_stack(cache: Cache, tmp_path: Path) -> None:
    with serve_artifacts(tmp_path) as server:
        fill(server)
        programs = provide("1.36.3", settings_of(server), cache, Progress(quiet=True))
    assert programs.tests.read_bytes() == TESTS
    record = cache.record("e2e.test", "1.36.3")
    assert record is not None
    assert record.source == "mirror"


def test_program_with_a_wrong_digest_is_refused(cache: Cache, tmp_path: Path) -> None:
    with serve_artifacts(tmp_path) as server:
        fill(server, tests=b"changed")
        with pytest.raises(ArtifactError, match=r"e2e\.test: sha256 is .* nothing was kept"):
            provide("1.36.3", settings_of(server), cache, Progress(quiet=True))
    assert cache.record("e2e.test", "1.36.3") is None


def test_program_that_the_mirror_lacks_is_built(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(item: catalogue.Binary, cache: Cache, workspace: Path, progress: Progress) -> Path:
        (workspace / item.name).write_text("built")
        return workspace / item.name

    monkeypatch.setattr(gobuild, "build", build)
    with serve_artifacts(tmp_path) as server:
        fill(server)
        index = json.loads(server.files["/index.json"])
        del index["files"]["e2e.test/1.36.3"]
        server.files["/index.json"] = json.dumps(index).encode()
        programs = provide("1.36.3", settings_of(server), cache, Progress(quiet=True))
    assert programs.tests.read_text() == "built"
