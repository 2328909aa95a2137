"""Tests of container images: OCI layouts that are reproducible and run like the images of upstream."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from artifacts import catalogue, images, oci, relocatable
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from testkit.artifact_server import add_artifact

ENTRIES = [
    Entry("bin/tool", b"program", 0o755, capability=oci.NET_BIND_SERVICE),
    Entry("bin", directory=True, mode=0o755),
    Entry("bin/alias", link="/bin/tool"),
]


def test_image_is_reproducible(tmp_path: Path) -> None:
    config = Config(entrypoint=("/bin/tool",), user="65532:65532")
    digests = set()
    for name, entries in (("a", ENTRIES), ("b", list(reversed(ENTRIES)))):
        (tmp_path / name).mkdir()
        digests.add(oci.write_layout(tmp_path / name, "r/x:1", "amd64", entries, config))
    assert len(digests) == 1
    assert oci.manifest_digest(tmp_path / "a") in digests


def test_blobs_match_their_digests_and_config_has_the_command(tmp_path: Path) -> None:
    config = Config(entrypoint=("/bin/tool",), user="65532:65532", ports=("53/udp",), environment={"A": "b"})
    digest = oci.write_layout(tmp_path, "r/x:1", "arm64", ENTRIES, config)
    manifest = json.loads(_blob(tmp_path, digest))
    image = json.loads(_blob(tmp_path, manifest["config"]["digest"]))
    assert image["config"] == {
        "Entrypoint": ["/bin/tool"],
        "User": "65532:65532",
        "ExposedPorts": {"53/udp": {}},
        "Env": ["A=b"],
        "WorkingDir": "/",
    }
    assert image["architecture"] == "arm64"
    assert len(image["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 1


def _blob(layout: Path, digest: str) -> bytes:
    import hashlib

    content = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def test_layer_keeps_modes_links_and_file_capability() -> None:
    with tarfile.open(fileobj=io.BytesIO(oci.build_layer(ENTRIES))) as tar:
        members = {info.name: info for info in tar}
    assert list(members) == ["bin", "bin/alias", "bin/tool"]
    tool = members["bin/tool"]
    assert (tool.mode, tool.uid, tool.mtime) == (0o755, 0, 0)
    assert members["bin/alias"].linkname == "/bin/tool"
    value = tool.pax_headers["SCHILY.xattr.security.capability"].encode()
    revision, permitted = int.from_bytes(value[:4], "little"), int.from_bytes(value[4:8], "little")
    assert len(value) == 20
    assert revision == 0x02000001  # revision 2, effective
    assert permitted == 1 << 10  # CAP_NET_BIND_SERVICE


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("registry.k8s.io/pause:3.10.1", ("registry.k8s.io", "pause", "3.10.1")),
        ("docker.io/library/busybox:1.35", ("docker.io", "library/busybox", "1.35")),
    ],
)
def test_reference_is_split_into_registry_path_and_tag(reference: str, parts: tuple[str, str, str]) -> None:
    assert images.split_reference(reference) == parts


@pytest.mark.parametrize(
    ("image", "entrypoint", "user"),
    [
        ("registry.k8s.io/coredns/coredns:v{coredns}", "/coredns", "65532:65532"),
        ("registry.k8s.io/metrics-server/metrics-server:v{metrics_server}", "/metrics-server", "65534"),
        ("quay.io/metallb/controller:v{metallb_controller}", "/controller", None),
        ("quay.io/metallb/speaker:v{metallb_speaker}", "/speaker", None),
        ("registry.k8s.io/external-dns/external-dns:v{external_dns}", "/ko-app/external-dns", None),
        ("ghcr.io/kedacore/keda:{keda_operator}", "/keda", "65532:65532"),
        (
            "ghcr.io/kedacore/keda-metrics-apiserver:{keda_metrics_apiserver}",
            "/keda-adapter",
            "65532:65532",
        ),
        (
            "quay.io/jetstack/cert-manager-webhook:v{cert_manager_webhook}",
            "/app/cmd/webhook/webhook",
            "1000",
        ),
    ],
)
def test_servers_run_like_upstream_images(
    image: str, entrypoint: str, user: str | None, cache: Cache, tmp_path: Path, progress: Progress
) -> None:
    programs = (
        *("coredns", "metrics-server", "metallb-controller", "metallb-speaker"),
        *("cert-manager-webhook", "external-dns", "keda-operator", "keda-metrics-apiserver"),
    )
    versions = {name.replace("-", "_"): catalogue.version_of(name) for name in programs}
    for name in programs:
        add_artifact(cache, name, versions[name.replace("-", "_")], b"program", tmp_path)
    layout = images.fetch_or_build(image.format(**versions), cache, progress)
    manifest = json.loads(_blob(layout, oci.manifest_digest(layout)))
    config = json.loads(_blob(layout, manifest["config"]["digest"]))["config"]
    assert config["Entrypoint"] == [entrypoint]
    assert config.get("User") == user
    assert images.is_complete(layout)


def test_provisioner_of_local_volumes_runs_like_upstreams_image(
    cache: Cache, tmp_path: Path, progress: Progress
) -> None:
    version = catalogue.version_of("local-path-provisioner")
    add_artifact(cache, "local-path-provisioner", version, b"program", tmp_path)
    [reference] = catalogue.images_of("local-path-provisioner")
    layout = images.fetch_or_build(reference, cache, progress)
    manifest = json.loads(_blob(layout, oci.manifest_digest(layout)))
    config = json.loads(_blob(layout, manifest["config"]["digest"]))["config"]
    assert config["Cmd"] == ["/usr/bin/local-path-provisioner"]
    assert "Entrypoint" not in config


def test_image_of_the_registry_has_a_shell_as_upstreams(
    cache: Cache, tmp_path: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Entry("bin/sh", link="/bin/busybox")
    monkeypatch.setattr(images, "busybox_entries", lambda _: ([shell], "BusyBox v1.35.0"))
    add_artifact(cache, "registry", catalogue.version_of("registry"), b"program", tmp_path)
    [reference] = catalogue.images_of("distribution")
    layout = images.fetch_or_build(reference, cache, progress)
    manifest = json.loads(_blob(layout, oci.manifest_digest(layout)))
    config = json.loads(_blob(layout, manifest["config"]["digest"]))["config"]
    assert config["Entrypoint"] == ["/bin/registry"]
    assert config["Cmd"] == ["serve", "/etc/distribution/config.yml"]
    assert "OTEL_TRACES_EXPORTER=none" in config["Env"]
    layer = gzip.decompress(_blob(layout, manifest["layers"][0]["digest"]))
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        assert {"bin/registry", "bin/sh"} <= {*tar.getnames()}


def test_error_names_an_image_without_registry_and_recipe(cache: Cache, progress: Progress) -> None:
    with pytest.raises(ArtifactError, match=r"quay\.io/x/y:1: quay\.io does not answer"):
        images.fetch_or_build("quay.io/x/y:1", cache, progress)
    assert not images.is_complete(cache.root / "images" / images.layout_directory("quay.io/x/y:1"))


def test_packing_is_deterministic_and_root_owned(tmp_path: Path) -> None:
    packed = []
    for number in (1, 2):
        directory = tmp_path / str(number)
        (directory / "lib").mkdir(parents=True)
        (directory / "nft").write_text("#!/bin/sh\n")
        (directory / "nft").chmod(0o755)
        (directory / "lib" / "a.so").symlink_to("b.so")
        os.utime(directory / "nft", (number, number))
        relocatable.pack(directory, tmp_path / f"{number}.tar")
        packed.append((tmp_path / f"{number}.tar").read_bytes())
    assert packed[0] == packed[1]
    with tarfile.open(tmp_path / "1.tar") as tar:
        assert [(info.name, info.uid, info.mtime) for info in tar] == [
            ("lib", 0, 0),
            ("lib/a.so", 0, 0),
            ("nft", 0, 0),
        ]
        assert stat.S_IMODE(tar.getmember("nft").mode) == 0o755
