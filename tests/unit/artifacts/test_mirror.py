"""Tests of building a mirror: content, checksums, and later builds in the same directory."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from artifacts import catalogue, mirror
from artifacts.cache import Cache, sha256
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from assembly import build_topology
from nodeconfig import host_program
from settings import load
from testkit.artifact_server import add_artifact
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_distribution import settings as registry_settings
from tests.unit.settings.wrong_external_dns import settings as external_dns_settings


@pytest.fixture
def mirror_directory(full_cache: Cache, tmp_path: Path, progress: Progress) -> Path:
    return mirror.build(tmp_path / "mirror", catalogue.DEFAULTS, progress, cache=full_cache)


def _verify_checksums(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sha256sum", "--quiet", "-c", "SHA256SUMS"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def _inodes_and_times(directory: Path) -> dict[str, tuple[int, int]]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_mirror_has_all_files_with_checksums(mirror_directory: Path) -> None:
    index = json.loads((mirror_directory / "index.json").read_text())
    keys = {item.key for item in catalogue.node_binaries()}
    assert set(index["files"]) == {*keys, f"host-program/{host_program.digest()}"}
    assert set(index["images"]) == set(catalogue.images())
    for entry in index["files"].values():
        assert (mirror_directory / entry["path"]).stat().st_size == entry["size"]
    result = _verify_checksums(mirror_directory)
    assert (result.returncode, result.stdout) == (0, "")
    listed = {line.split("  ")[1] for line in (mirror_directory / "SHA256SUMS").read_text().splitlines()}
    existing = {
        str(path.relative_to(mirror_directory)) for path in mirror_directory.rglob("*") if path.is_file()
    }
    assert existing - listed == {"SHA256SUMS"}


def test_mirror_has_optional_files_only_if_they_are_named(
    tmp_path: Path, full_cache: Cache, mirror_directory: Path
) -> None:
    name = catalogue.OPTIONAL_ARTIFACTS[0]
    item = catalogue.binary(name)
    add_artifact(full_cache, name, item.version, b"optional", tmp_path)
    assert item.key not in json.loads((mirror_directory / "index.json").read_text())["files"]
    mirror.build(mirror_directory, cache=full_cache, optional=[name])
    assert item.key in json.loads((mirror_directory / "index.json").read_text())["files"]
    assert _verify_checksums(mirror_directory).returncode == 0


def test_optional_images_are_added_on_request(
    mirror_directory: Path, full_cache: Cache, tmp_path: Path
) -> None:
    for name in ("metallb-controller", "metallb-speaker"):
        add_artifact(full_cache, name, catalogue.version_of(name), b"program", tmp_path)
    assert not set(catalogue.OPTIONAL_IMAGES) & mirror.read_index(mirror_directory)["images"].keys()
    mirror.build(mirror_directory, cache=full_cache, optional_images=catalogue.images_of("metallb"))
    assert set(catalogue.images_of("metallb")) <= mirror.read_index(mirror_directory)["images"].keys()
    assert _verify_checksums(mirror_directory).returncode == 0


@pytest.mark.parametrize(
    ("add_on", "setting", "section"),
    [
        (
            "metallb",
            "addons.load_balancer",
            {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.250"]}}},
        ),
        ("traefik", "addons.ingress", {"pool": "workers", "sources": ["0.0.0.0/0"]}),
        ("cert-manager", "addons.cert_manager", {}),
        ("external-dns", "addons.external_dns", external_dns_settings()),
        ("keda", "addons.keda", {}),
        ("local-path-provisioner", "storage.local", {}),
        ("distribution", "addons.registry", registry_settings()),
    ],
)
def test_only_clusters_with_an_add_on_use_its_images(
    add_on: str, setting: str, section: dict[str, object]
) -> None:
    topology = build_topology(load(with_edits(TWO_WORKERS, {setting: section})))
    assert mirror.optional_images(topology) == catalogue.images_of(add_on)
    assert mirror.optional_images(build_topology(load(TWO_WORKERS))) == ()


def test_garbage_collection_of_the_registry_needs_kubectl() -> None:
    section = registry_settings(garbage_collection={})
    topology = build_topology(load(with_edits(TWO_WORKERS, {"addons.registry": section})))
    images = (*catalogue.images_of("distribution"), catalogue.KUBECTL_IMAGE)
    assert mirror.optional_images(topology) == images


def test_host_programs_of_other_checkouts_stay(
    tmp_path: Path, full_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "mirror"
    before = host_program.digest()
    mirror.build(directory, cache=full_cache)
    monkeypatch.setattr(host_program, "program", lambda: "another\n")
    monkeypatch.setattr(host_program, "digest", lambda: "f" * 64)
    mirror.build(directory, cache=full_cache)
    index = json.loads((directory / "index.json").read_text())
    entries = [entry for key, entry in index["files"].items() if key.startswith("host-program/")]
    assert sorted(entry["sha256"] for entry in entries) == sorted([before, "f" * 64])
    assert (directory / f"files/host-program/{'f' * 64}/host-program").read_text() == "another\n"
    monkeypatch.undo()
    path = directory / f"files/host-program/{before}/host-program"
    assert sha256(path) == before
    assert path.read_text() == host_program.program()


def test_concurrent_additions_of_another_process_stay(
    mirror_directory: Path, full_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_image = mirror.add_image

    def add_image_during_other_build(
        reference: str, directory: Path, cache: Cache, progress: Progress
    ) -> dict[str, str | int]:
        index = json.loads((mirror_directory / "index.json").read_text())
        other = index["files"]["host-program/" + host_program.digest()]
        (mirror_directory / "index.json").write_text(
            json.dumps(index | {"files": {**index["files"], "other/1": other}})
        )
        return add_image(reference, directory, cache, progress)

    monkeypatch.setattr(mirror, "add_image", add_image_during_other_build)
    mirror.build(mirror_directory, cache=full_cache)
    assert "other/1" in json.loads((mirror_directory / "index.json").read_text())["files"]
    assert _verify_checksums(mirror_directory).returncode == 0


def test_paths_have_the_documented_layout(mirror_directory: Path) -> None:
    version = catalogue.DEFAULTS.kubernetes
    index = json.loads((mirror_directory / "index.json").read_text())
    assert index["files"][f"kubelet/{version}"]["path"] == f"files/kubelet/{version}/kubelet"
    for entry in index["images"].values():
        layout = mirror_directory / entry["path"]
        assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        assert (layout / "blobs" / entry["digest"].replace(":", "/")).is_file()


def test_files_are_hard_links_of_the_cache(mirror_directory: Path, full_cache: Cache) -> None:
    version = catalogue.DEFAULTS.runc
    assert (mirror_directory / f"files/runc/{version}/runc").samefile(full_cache.path("runc", version))


def test_second_run_writes_no_file(mirror_directory: Path, full_cache: Cache, progress: Progress) -> None:
    before = _inodes_and_times(mirror_directory)
    mirror.build(mirror_directory, catalogue.DEFAULTS, progress, cache=full_cache)
    assert _inodes_and_times(mirror_directory) == before


def test_damaged_file_is_repaired(mirror_directory: Path, full_cache: Cache, progress: Progress) -> None:
    path = mirror_directory / "files/runc" / catalogue.DEFAULTS.runc / "runc"
    good = path.read_bytes()
    path.unlink()
    path.write_bytes(b"x" * len(good))
    assert _verify_checksums(mirror_directory).returncode != 0
    mirror.build(mirror_directory, catalogue.DEFAULTS, progress, cache=full_cache)
    assert path.read_bytes() == good
    assert _verify_checksums(mirror_directory).returncode == 0


def test_other_versions_in_a_mirror_stay(
    mirror_directory: Path, full_cache: Cache, progress: Progress
) -> None:
    index = json.loads((mirror_directory / "index.json").read_text())
    old = mirror_directory / "files/kubelet/1.0.0/kubelet"
    old.parent.mkdir()
    old.write_bytes(b"old")
    digest = hashlib.sha256(b"old").hexdigest()
    index["files"]["kubelet/1.0.0"] = {"path": "files/kubelet/1.0.0/kubelet", "sha256": digest, "size": 3}
    (mirror_directory / "index.json").write_text(json.dumps(index))
    mirror.build(mirror_directory, catalogue.DEFAULTS, progress, cache=full_cache)
    assert "kubelet/1.0.0" in json.loads((mirror_directory / "index.json").read_text())["files"]
    assert _verify_checksums(mirror_directory).returncode == 0


def test_damaged_index_is_an_error_with_the_remedy(
    mirror_directory: Path, full_cache: Cache, progress: Progress
) -> None:
    (mirror_directory / "index.json").write_text("{")
    with pytest.raises(ArtifactError, match="is damaged; remove it and run make mirror again"):
        mirror.build(mirror_directory, catalogue.DEFAULTS, progress, cache=full_cache)


def test_error_names_an_unwritable_mirror(full_cache: Cache, tmp_path: Path, progress: Progress) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=f"mirror {tmp_path}/file/mirror"):
        mirror.build(tmp_path / "file" / "mirror", catalogue.DEFAULTS, progress, cache=full_cache)
