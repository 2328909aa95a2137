"""Tests of reading the index of a mirror: over HTTPS, from a directory, and pinned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts import catalogue, index, mirror
from artifacts.acquire import DEBIAN_RECIPES
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from nodeconfig import host_program
from testkit.artifact_server import ArtifactServer

KUBELET = f"kubelet/{catalogue.DEFAULTS.kubernetes}"


@pytest.fixture
def directory(full_cache: Cache, tmp_path: Path, progress: Progress) -> Path:
    return mirror.build(tmp_path / "mirror", catalogue.DEFAULTS, progress, cache=full_cache)


@pytest.fixture
def mirror_server(directory: Path, server: ArtifactServer) -> ArtifactServer:
    server.files["/index.json"] = (directory / "index.json").read_bytes()
    return server


def test_index_of_an_https_mirror(mirror_server: ArtifactServer, directory: Path) -> None:
    loaded = index.load(mirror_server.url, mirror_server.ca_file)
    entry = json.loads((directory / "index.json").read_text())["files"][KUBELET]
    expected = (f"{mirror_server.url}/{entry['path']}", entry["sha256"])
    assert loaded.artifact("kubelet", catalogue.DEFAULTS.kubernetes) == expected
    assert loaded.artifact("kubelet") == expected
    assert loaded.ca == mirror_server.ca_file.read_text()


def test_trailing_slash_of_the_url_is_ignored(mirror_server: ArtifactServer) -> None:
    assert (
        index.load(f"{mirror_server.url}/", mirror_server.ca_file).files
        == index.load(mirror_server.url, mirror_server.ca_file).files
    )


def test_index_of_a_directory(directory: Path) -> None:
    url, _ = index.load(str(directory)).artifact("kubelet")
    assert url == (directory / "files" / KUBELET / "kubelet").as_uri()


def test_debian_programs_are_archives(directory: Path) -> None:
    loaded = index.load(str(directory))
    assert {name for name in catalogue.NODE_ARTIFACTS if loaded.member(name) == "*"} == {*DEBIAN_RECIPES} - {
        *catalogue.OPTIONAL_ARTIFACTS
    }
    assert {loaded.member(name) for name in catalogue.NODE_ARTIFACTS} == {"*", ""}


def _load_error(*arguments: object, **options: object) -> str:
    with pytest.raises(ArtifactError) as caught:
        index.load(*arguments, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_unverified_mirror_is_refused(mirror_server: ArtifactServer) -> None:
    message = _load_error(mirror_server.url, None)
    assert "certificate does not verify" in message
    assert mirror_server.url in message
    assert mirror_server.requests == []


def test_error_names_an_unreachable_mirror(mirror_server: ArtifactServer) -> None:
    message = _load_error("https://127.0.0.1:9", mirror_server.ca_file)
    assert message.startswith("artifacts.mirror: https://127.0.0.1:9/index.json: ")
    assert "refused" in message


def test_server_without_an_index_is_an_error(server: ArtifactServer) -> None:
    assert "answered 404" in _load_error(server.url, server.ca_file)


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
def test_malformed_index_is_an_error(server: ArtifactServer, body: str) -> None:
    server.files["/index.json"] = body.encode()
    assert "was not written by make mirror" in _load_error(server.url, server.ca_file)


def test_error_names_a_missing_version_and_the_command(directory: Path) -> None:
    message = _load_error(str(directory), None, replace(catalogue.DEFAULTS, kubernetes="1.35.6"))
    assert message.startswith("kube-apiserver 1.35.6: not in the mirror ")
    assert "make mirror" in message


def test_error_names_an_unreadable_authority(tmp_path: Path) -> None:
    assert f"artifacts.ca_file {tmp_path}/none" in _load_error("https://127.0.0.1:9", tmp_path / "none")
    (tmp_path / "bad").write_text("no PEM")
    assert f"{tmp_path}/bad: no readable PEM" in _load_error("https://127.0.0.1:9", tmp_path / "bad")


@pytest.mark.parametrize("place", ["http://10.0.0.1:8080", "ftp://x", "s3://bucket"])
def test_mirror_must_be_an_https_url_or_a_directory(place: str) -> None:
    assert "must be an https URL or a directory" in _load_error(place)


def test_directory_without_an_index_is_an_error(tmp_path: Path) -> None:
    assert "run make mirror" in _load_error(str(tmp_path))


@pytest.mark.parametrize("mirror", [None, ""])
def test_missing_mirror_is_an_error_with_the_remedy(mirror: str | None) -> None:
    assert _load_error(mirror).startswith("artifacts.mirror: required, ")
    assert "make mirror" in _load_error(mirror)


def test_versions_of_other_pools_are_required_too(directory: Path) -> None:
    older = replace(catalogue.DEFAULTS, kubernetes=catalogue.supported_versions("kubernetes")[1])
    with pytest.raises(ArtifactError, match=rf"{older.kubernetes}: not in the mirror"):
        index.load(str(directory), None, catalogue.DEFAULTS, older)
    assert index.load(str(directory), None, catalogue.DEFAULTS, catalogue.DEFAULTS).files


def test_pinned_index_replaces_the_index_of_the_mirror(directory: Path, tmp_path: Path) -> None:
    pinned_file = tmp_path / "kept/index.json"
    mirror.export_index(directory, pinned_file)
    # No server listens there: with a pinned index the mirror is not contacted.
    loaded = index.load("https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=pinned_file.read_text())
    from_directory = index.load(str(directory), None, catalogue.DEFAULTS)
    url, sha256 = loaded.artifact("kubelet")
    assert sha256 == from_directory.artifact("kubelet")[1]
    assert url == f"https://127.0.0.1:9/files/kubelet/{catalogue.DEFAULTS.kubernetes}/kubelet"
    assert loaded.image_digests == from_directory.image_digests
    assert loaded.image_digests.keys() == set(catalogue.images())


def test_pinned_index_of_an_earlier_release_has_no_images(directory: Path) -> None:
    pinned = json.dumps({"files": json.loads((directory / "index.json").read_text())["files"]})
    loaded = index.load("https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=pinned)
    assert loaded.image_digests == {}


def test_digest_of_an_image_must_be_a_sha256(directory: Path) -> None:
    document = json.loads((directory / "index.json").read_text())
    document["images"]["a:1"] = {"digest": "sha256:abc"}
    assert "'abc' is not a sha256" in _load_error(
        "https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=json.dumps(document)
    )


def test_mirror_cannot_choose_the_host_program(directory: Path) -> None:
    """The host program runs as root on every host, and its text is in this checkout."""
    path = directory / "index.json"
    document = json.loads(path.read_text())
    document["files"][f"host-program/{host_program.digest()}"]["sha256"] = "e" * 64
    path.write_text(json.dumps(document))
    _, sha256 = index.load(str(directory)).artifact("host-program", host_program.digest())
    assert sha256 == host_program.digest()


def test_host_program_of_another_checkout_is_missing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_program, "digest", lambda: "e" * 64)
    with pytest.raises(ArtifactError, match=r"host-program e{64}: not in the mirror .*; run make mirror"):
        index.load(str(directory), None, catalogue.DEFAULTS)
    # A pinned index is not updated for each checkout.
    pinned_file = (directory / "index.json").read_text()
    loaded = index.load("https://127.0.0.1:9", None, catalogue.DEFAULTS, pinned=pinned_file)
    url = f"https://127.0.0.1:9/files/host-program/{'e' * 64}/host-program"
    assert loaded.artifact("host-program", "e" * 64) == (url, "e" * 64)


def test_pinned_index_must_have_every_version(directory: Path) -> None:
    pinned = (directory / "index.json").read_text()
    older = replace(catalogue.DEFAULTS, kubernetes="1.35.6")
    with pytest.raises(ArtifactError, match=r"kube-apiserver 1\.35\.6: not in the mirror https://127"):
        index.load("https://127.0.0.1:9", None, older, pinned=pinned)


def test_unwritable_target_of_the_index_is_an_error(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="name a file that can be written"):
        mirror.export_index(directory, tmp_path / "file" / "index.json")


class TestOwnStore:
    """The index of a cluster whose own store has the files."""

    def test_files_are_in_the_store_with_the_digests_of_the_mirror(self, directory: Path) -> None:
        own, served = index.load_own(directory), index.load(str(directory))
        assert own.artifact("kubelet") == (f"store:{KUBELET}", served.artifact("kubelet")[1])
        assert own.member("netfilter") == "*"
        assert own.image_digests == served.image_digests
        assert own.ca == ""
        digest = host_program.digest()
        assert own.artifact("host-program", digest) == (f"store:host-program/{digest}", digest)

    def test_pinned_index_needs_no_mirror(self, directory: Path, tmp_path: Path) -> None:
        pinned = (directory / "index.json").read_text()
        assert index.load_own(tmp_path / "none", pinned=pinned).files == index.load_own(directory).files

    def test_mirror_that_is_older_than_the_checkout_is_sufficient(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(host_program, "digest", lambda: "e" * 64)
        assert index.load_own(directory).artifact("host-program", "e" * 64)[1] == "e" * 64

    def load_error(self, *arguments: object, **options: object) -> str:
        with pytest.raises(ArtifactError) as caught:
            index.load_own(*arguments, **options)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_missing_mirror_is_an_error_with_the_command(self, tmp_path: Path) -> None:
        assert self.load_error(tmp_path) == (
            f"artifacts.store: no mirror in {tmp_path} (No such file or directory), from which the store is "
            "filled; run `kubewright mirror`"
        )

    def test_damaged_index_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "index.json").write_text("{}")
        assert self.load_error(tmp_path).startswith(f"artifacts.store {tmp_path}: its index.json was not")

    def test_versions_of_all_pools_are_required(self, directory: Path) -> None:
        older = replace(catalogue.DEFAULTS, kubernetes="1.35.6")
        for pinned in (None, (directory / "index.json").read_text()):
            message = self.load_error(directory, catalogue.DEFAULTS, older, pinned=pinned)
            assert message.startswith("kube-apiserver 1.35.6: not in the mirror ")
            assert "run `kubewright mirror`, with --version COMPONENT=VERSION" in message
