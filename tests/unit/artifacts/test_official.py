"""Tests of downloads from official sites, which a local HTTPS server replaces."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts import acquire, catalogue, fetch, official
from artifacts.cache import Cache
from artifacts.catalogue import Binary
from artifacts.component import OfficialSite
from artifacts.errors import ArtifactError, Unavailable
from artifacts.progress import Progress
from testkit.artifact_server import ArtifactServer


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def item(server: ArtifactServer, monkeypatch: pytest.MonkeyPatch) -> Binary:
    """Return the artifact crictl with the local server as its official site.

    The artifact has no Go module, so that the tests cannot build it from source.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "")
    site = OfficialSite(f"{server.url}/v1/crictl.tar.gz", f"{server.url}/v1/SUMS", "bin/crictl")
    return replace(catalogue.binary("crictl"), official=site, module=Path("/nonexistent"))


def _archive(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_verified_download_is_cached(
    item: Binary, server: ArtifactServer, cache: Cache, progress: Progress
) -> None:
    archive = _archive("./bin/crictl", b"#!/bin/sh\n")
    server.files = {
        "/v1/crictl.tar.gz": archive,
        "/v1/SUMS": f"{'0' * 64}  other\n{_digest(archive)} *crictl.tar.gz\n".encode(),
    }
    assert acquire.fetch_or_build(item, cache, progress).read_bytes() == b"#!/bin/sh\n"
    record = cache.record(item.name, item.version)
    assert record is not None
    assert record.source == "official"
    request_count = len(server.requests)
    acquire.fetch_or_build(item, cache, progress)
    assert len(server.requests) == request_count, "the second time came from the cache"


def test_wrong_checksum_is_an_error_and_caches_nothing(
    item: Binary, server: ArtifactServer, cache: Cache, progress: Progress
) -> None:
    server.files = {"/v1/crictl.tar.gz": b"evil", "/v1/SUMS": f"{'a' * 64}  crictl.tar.gz\n".encode()}
    with pytest.raises(ArtifactError, match=r"crictl\.tar\.gz: sha256 is .* published a{64}; refused"):
        acquire.fetch_or_build(item, cache, progress)
    assert cache.record(item.name, item.version) is None
    assert not cache.path(item.name, item.version).exists()
    assert list((cache.root / "work").iterdir()) == []


def test_checksum_file_without_the_file_is_an_error(
    item: Binary, server: ArtifactServer, cache: Cache, progress: Progress
) -> None:
    server.files = {"/v1/crictl.tar.gz": b"x", "/v1/SUMS": f"{_digest(b'x')}  other.tar.gz\n".encode()}
    with pytest.raises(ArtifactError, match="no sha256 for it"):
        acquire.fetch_or_build(item, cache, progress)


def test_archive_without_the_member_is_an_error(
    item: Binary, server: ArtifactServer, cache: Cache, progress: Progress
) -> None:
    archive = _archive("bin/other", b"")
    server.files = {"/v1/crictl.tar.gz": archive, "/v1/SUMS": f"{_digest(archive)}  crictl.tar.gz\n".encode()}
    with pytest.raises(ArtifactError, match="has no file bin/crictl"):
        acquire.fetch_or_build(item, cache, progress)


def test_file_without_official_place_is_built(
    item: Binary, server: ArtifactServer, cache: Cache, progress: Progress
) -> None:
    with pytest.raises(ArtifactError, match=r"cannot be built, there is no nonexistent/go\.mod"):
        acquire.fetch_or_build(item, cache, progress)
    assert server.requests == ["/v1/SUMS"]


def test_server_with_unknown_authority_is_unavailable(
    item: Binary, server: ArtifactServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert official.is_available(item)
    fetch.reachable.cache_clear()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert not official.is_available(item)


def test_hosts_are_probed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "")
    assert not fetch.reachable("127.0.0.1", 9)
    assert not fetch.reachable("127.0.0.1", 9)
    assert fetch.reachable.cache_info().hits == 1


def test_refusing_server_is_unavailable(server: ArtifactServer) -> None:
    with pytest.raises(Unavailable, match="the server answered 404"):
        fetch.fetch_text(f"{server.url}/nothing", tls=fetch.tls_context(server.ca_file))


@pytest.mark.parametrize(
    "text", ["{0}", "{0}\n", "{0}  f.tgz\n", "{1}  x\n{0} *f.tgz\n", "{0}  ./dist/f.tgz\n"]
)
def test_checksum_files_of_upstreams_are_parsed(text: str) -> None:
    assert fetch.published_checksum(text.format("b" * 64, "c" * 64), "f.tgz") == "b" * 64


@pytest.mark.parametrize("text", ["", "not found", "b" * 63, "{0}  f.tgz.sig\n", "{0}\n{0}\n"])
def test_other_texts_have_no_checksum(text: str) -> None:
    with pytest.raises(ArtifactError, match=r"f\.tgz"):
        fetch.published_checksum(text.format("b" * 64), "f.tgz")
