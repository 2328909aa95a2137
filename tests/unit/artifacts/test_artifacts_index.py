from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts import catalogue, index, mirror, official
from artifacts.acquire import OF_DEBIAN
from artifacts.cache import Cache, write_atomic
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from nodeconfig import host_program
from testkit.artifact_server import Server

KUBELET = f"kubelet/{catalogue.DEFAULTS.kubernetes}"


@pytest.fixture
def directory(full_cache: Cache, tmp_path: Path, progress: Progress) -> Path:
    return mirror.build(tmp_path / "mirror", catalogue.DEFAULTS, progress, cache=full_cache)


@pytest.fixture
def served(directory: Path, server: Server) -> Server:
    server.files["/index.json"] = (directory / "index.json").read_bytes()
    return server


def test_from_a_mirror_by_https(served: Server, directory: Path) -> None:
    found = index.load(served.url, served.ca_file)
    entry = json.loads((directory / "index.json").read_text())["files"][KUBELET]
    expected = (f"{served.url}/{entry['path']}", entry["sha256"])
    assert found.artifact("kubelet", catalogue.DEFAULTS.kubernetes) == expected
    assert found.artifact("kubelet") == expected
    assert found.ca == served.ca_file.read_text()


def test_a_slash_at_the_end_does_not_matter(served: Server) -> None:
    assert (
        index.load(f"{served.url}/", served.ca_file).places == index.load(served.url, served.ca_file).places
    )


def test_from_a_directory(directory: Path) -> None:
    url, _ = index.load(str(directory)).artifact("kubelet")
    assert url == (directory / "files" / KUBELET / "kubelet").as_uri()


def test_debians_programs_are_archives_in_a_mirror(directory: Path) -> None:
    found = index.load(str(directory))
    assert {name for name in catalogue.NODE_ARTIFACTS if found.member(name) == "*"} == set(OF_DEBIAN)
    assert {found.member(name) for name in catalogue.NODE_ARTIFACTS} == {"*", ""}


def _error(*arguments: object) -> str:
    with pytest.raises(ArtifactError) as caught:
        index.load(*arguments)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_unverified_mirror_is_refused(served: Server) -> None:
    message = _error(served.url, None)
    assert "certificate does not verify" in message
    assert served.url in message
    assert served.asked == []


def test_a_mirror_that_is_down_is_named(served: Server) -> None:
    message = _error("https://127.0.0.1:9", served.ca_file)
    assert message.startswith("artifacts.mirror: https://127.0.0.1:9/index.json: ")
    assert "refused" in message


def test_a_server_without_an_index(server: Server) -> None:
    assert "answered 404" in _error(server.url, server.ca_file)


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"files": {"kubelet/1": {}}}',
        '{"files": {"kubelet/1": {"path": "x", "sha256": "short"}}}',
        '{"files": {"kubelet/1": {"path": "../x", "sha256": "%s"}}}' % ("a" * 64),
        '{"files": {"kubelet/1": {"path": 3, "sha256": "%s"}}}' % ("a" * 64),
    ],
)
def test_something_else_than_an_index(server: Server, body: str) -> None:
    server.files["/index.json"] = body.encode()
    assert "is not one that make mirror wrote" in _error(server.url, server.ca_file)


def test_a_missing_version_is_named_with_the_command(directory: Path) -> None:
    message = _error(str(directory), None, replace(catalogue.DEFAULTS, kubernetes="1.35.6"))
    assert message.startswith("kube-apiserver 1.35.6: not in the mirror ")
    assert "make mirror" in message


def test_an_unreadable_authority_is_named(tmp_path: Path) -> None:
    assert f"artifacts.ca_file {tmp_path}/none" in _error("https://127.0.0.1:9", tmp_path / "none")
    (tmp_path / "bad").write_text("no PEM")
    assert f"{tmp_path}/bad: no readable PEM" in _error("https://127.0.0.1:9", tmp_path / "bad")


@pytest.mark.parametrize("place", ["http://10.0.0.1:8080", "ftp://x", "s3://bucket"])
def test_only_https_or_a_directory(place: str) -> None:
    assert "must be an https URL or a directory" in _error(place)


def test_a_directory_without_index(tmp_path: Path) -> None:
    assert "run make mirror" in _error(str(tmp_path))


def test_without_mirror_and_without_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path))
    message = _error(None)
    assert "dl.k8s.io does not answer" in message
    assert "artifacts.mirror" in message


def test_official_places_with_published_checksums(cache: Cache) -> None:
    for item in catalogue.node_binaries():
        if item.official:
            file = item.official.url.rsplit("/", 1)[-1]
            kept = cache.root / "checksums" / item.component.name / item.version / f"{file}.sha256"
            write_atomic(kept, f"{'d' * 64}  {file}\n")
    found = index.from_official(catalogue.DEFAULTS, cache, available=lambda _: True)
    etcd = catalogue.binary("etcd").official
    assert etcd is not None
    assert found.artifact("etcd") == (etcd.url, "d" * 64)
    assert found.member("etcd") == etcd.member
    with pytest.raises(ArtifactError, match=r"netfilter 1: not in the official places; make a mirror"):
        found.artifact("netfilter")
    assert official.available(catalogue.binary("netfilter")) is False


def test_pools_that_stay_behind_need_their_versions_too(directory: Path) -> None:
    older = replace(catalogue.DEFAULTS, kubernetes=catalogue.supported("kubernetes")[1])
    with pytest.raises(ArtifactError, match=rf"{older.kubernetes}: not in the mirror"):
        index.load(str(directory), None, catalogue.DEFAULTS, older)
    assert index.load(str(directory), None, catalogue.DEFAULTS, catalogue.DEFAULTS).places


def test_a_kept_index_pins_what_a_mirror_gives(directory: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept/index.json"
    mirror.pin(directory, kept)
    # Nobody listens there: with the index at hand the mirror is not asked.
    found = index.load("https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=kept.read_text())
    there = index.load(str(directory), None, catalogue.DEFAULTS)
    url, sha256 = found.artifact("kubelet")
    assert sha256 == there.artifact("kubelet")[1]
    assert url == f"https://127.0.0.1:9/files/kubelet/{catalogue.DEFAULTS.kubernetes}/kubelet"
    assert "images" not in kept.read_text()


def test_a_mirror_of_another_checkout_lacks_its_host_program(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_program, "digest", lambda: "e" * 64)
    with pytest.raises(ArtifactError, match=r"host-program e{64}: not in the mirror .*; run make mirror"):
        index.load(str(directory), None, catalogue.DEFAULTS)
    # What is kept elsewhere is not made anew with each checkout.
    kept = (directory / "index.json").read_text()
    found = index.load("https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=kept)
    at = f"https://127.0.0.1:9/files/host-program/{'e' * 64}/host-program"
    assert found.artifact("host-program", "e" * 64) == (at, "e" * 64)


def test_a_kept_index_has_every_version(directory: Path) -> None:
    pinned = (directory / "index.json").read_text()
    older = replace(catalogue.DEFAULTS, kubernetes="1.35.6")
    with pytest.raises(ArtifactError, match=r"kube-apiserver 1\.35\.6: not in the mirror https://127"):
        index.load("https://127.0.0.1:9", None, older, pinned=pinned)


def test_an_index_that_cannot_be_kept_is_said(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="name a file that can be written"):
        mirror.pin(directory, tmp_path / "file" / "index.json")
