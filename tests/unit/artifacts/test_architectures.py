"""Tests of a mirror with files for several processor architectures."""

from __future__ import annotations

import json
import platform
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue, index, mirror
from artifacts.cache import Cache
from artifacts.conformance import mirror as conformance_mirror
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from testkit.artifact_server import add_artifact

VERSION = catalogue.DEFAULTS.kubernetes
ARM64_KUBELET = f"kubelet/{VERSION}-arm64"


@pytest.fixture
def directory(full_cache: Cache, tmp_path: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mirror that was created on an amd64 machine and completed on an arm64 machine."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    path = mirror.build(tmp_path / "mirror", progress=progress, cache=full_cache)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    return mirror.build(path, progress=progress, cache=arm64_cache(tmp_path))


def arm64_cache(tmp_path: Path) -> Cache:
    """Return the cache of an arm64 machine with all files of hosts, and without images."""
    cache = Cache(tmp_path / "arm64")
    for item in catalogue.node_binaries():
        add_artifact(cache, item.name, item.version, f"arm64 {item.name}".encode(), tmp_path)
    return cache


def read(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((directory / "index.json").read_text())
    return document


def test_second_architecture_adds_files_and_keeps_the_others(directory: Path) -> None:
    document = read(directory)
    keys = {item.key for item in catalogue.node_binaries()}
    programs = {key for key in document["files"] if key.startswith("host-program/")}
    assert document["files"].keys() == keys | {f"{key}-arm64" for key in keys} | programs
    assert (directory / f"files/kubelet/{VERSION}/kubelet").read_text() == "content of kubelet"
    assert (directory / f"files/{ARM64_KUBELET}/kubelet").read_text() == "arm64 kubelet"
    check = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=directory, check=False)
    assert check.returncode == 0


def test_images_stay_those_of_the_first_architecture(directory: Path) -> None:
    assert read(directory)["architecture"] == "amd64"
    assert read(directory)["images"].keys() == set(catalogue.images())


def test_machines_fetch_files_of_their_architecture(directory: Path) -> None:
    loaded = index.load(str(directory))
    assert loaded.version("kubelet", catalogue.DEFAULTS) == VERSION
    assert loaded.version("kubelet", catalogue.DEFAULTS, "amd64") == VERSION
    version = loaded.version("kubelet", catalogue.DEFAULTS, "arm64")
    assert loaded.artifact("kubelet", version) == (
        (directory / f"files/{ARM64_KUBELET}/kubelet").as_uri(),
        sha256(b"arm64 kubelet").hexdigest(),
    )
    assert index.load_own(directory).artifact("kubelet", version)[0] == f"store:{ARM64_KUBELET}"


def test_pinned_index_has_all_architectures(directory: Path, tmp_path: Path) -> None:
    mirror.export_index(directory, tmp_path / "pinned.json")
    pinned = (tmp_path / "pinned.json").read_text()
    loaded = index.load("https://127.0.0.1:9", pinned=pinned)
    assert loaded.artifact("kubelet", f"{VERSION}-arm64")[0].endswith(f"/files/{ARM64_KUBELET}/kubelet")


def test_mirror_of_an_arm64_machine_is_for_arm64(
    full_cache: Cache, tmp_path: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    directory = mirror.build(tmp_path / "mirror", progress=progress, cache=full_cache)
    loaded = index.load(str(directory))
    assert loaded.architecture == "arm64"
    assert loaded.version("kubelet", catalogue.DEFAULTS, "arm64") == VERSION
    assert loaded.image_digests.keys() == set(catalogue.images())
    with pytest.raises(ArtifactError, match=rf"^kubelet {VERSION}-amd64: not in .*; on an amd64 machine"):
        loaded.file("kubelet", loaded.version("kubelet", catalogue.DEFAULTS, "amd64"))


def test_index_of_an_earlier_release_is_for_amd64(
    directory: Path, monkeypatch: pytest.MonkeyPatch, full_cache: Cache
) -> None:
    document = read(directory)
    del document["architecture"]
    (directory / "index.json").write_text(json.dumps(document))
    assert index.load(str(directory)).architecture == "amd64"
    assert not mirror.is_own_architecture(directory)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    mirror.build(directory, cache=full_cache)
    assert read(directory)["architecture"] == "amd64"


def test_unknown_architecture_of_an_index_is_an_error(directory: Path) -> None:
    (directory / "index.json").write_text(json.dumps(read(directory) | {"architecture": "mips"}))
    with pytest.raises(ArtifactError, match="'mips' is not an architecture"):
        index.load(str(directory))


def test_tests_of_kubernetes_need_a_mirror_of_the_same_architecture(directory: Path, cache: Cache) -> None:
    with pytest.raises(ArtifactError, match="a mirror for amd64; add the tests on such a machine"):
        conformance_mirror.add(directory, VERSION, cache=cache)
