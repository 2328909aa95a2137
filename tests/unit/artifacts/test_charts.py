"""Tests of the chart repositories in a mirror."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from artifacts import charts, mirror
from artifacts.cache import Cache
from artifacts.errors import ArtifactError

SOURCE = "charts/charts.example/stable"


def archive(directory: Path, version: str = "1.0.0", text: str = "a", file: str = "web/Chart.yaml") -> Path:
    """Write the archive of a chart."""
    directory.mkdir(exist_ok=True)
    path = directory / f"web-{version}.tgz"
    files = {file: f"apiVersion: v2\nname: web\nversion: {version}\n", "web/templates/a.yaml": text}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            information = tarfile.TarInfo(name)
            information.size = len(content)
            tar.addfile(information, io.BytesIO(content.encode()))
    return path


def add(directory: Path, path: Path, cache: Cache) -> str:
    key, entry = charts.add_archive(path, directory, SOURCE)
    mirror.record(directory, {}, {}, cache, charts={key: entry})
    return key


def test_versions_of_a_chart_are_in_one_index(tmp_path: Path) -> None:
    directory, cache = tmp_path / "mirror", Cache(tmp_path / "cache")
    directory.mkdir()
    for version in ("1.0.0", "1.1.0"):
        key = add(directory, archive(tmp_path / "source", version), cache)
        assert key == f"charts.example/stable/web/{version}"
    index = json.loads((directory / SOURCE / "index.yaml").read_text())
    assert [(entry["version"], entry["urls"]) for entry in index["entries"]["web"]] == [
        ("1.0.0", ["web-1.0.0.tgz"]),
        ("1.1.0", ["web-1.1.0.tgz"]),
    ]
    assert set(mirror.read_index(directory)["charts"]) == {
        "charts.example/stable/web/1.0.0",
        "charts.example/stable/web/1.1.0",
    }
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=directory, check=True)
    sums = (directory / "SHA256SUMS").read_text()
    assert f"{SOURCE}/index.yaml" in sums
    assert f"{SOURCE}/web-1.1.0.tgz" in sums


def test_same_version_is_replaced_and_unchanged_files_are_not_written(tmp_path: Path) -> None:
    directory, cache = tmp_path / "mirror", Cache(tmp_path / "cache")
    directory.mkdir()
    add(directory, archive(tmp_path / "source"), cache)
    files = [directory / SOURCE / name for name in ("index.yaml", "web-1.0.0.tgz")]
    before = [file.stat().st_mtime_ns for file in files]
    add(directory, tmp_path / "source/web-1.0.0.tgz", cache)
    assert [file.stat().st_mtime_ns for file in files] == before
    changed = archive(tmp_path / "source", text="changed")
    add(directory, changed, cache)
    assert files[1].read_bytes() == changed.read_bytes()
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=directory, check=True)


def test_mirror_without_charts_has_the_index_of_earlier_versions(tmp_path: Path) -> None:
    directory = tmp_path / "mirror"
    directory.mkdir()
    mirror.record(directory, {}, {}, Cache(tmp_path / "cache"))
    assert set(json.loads((directory / "index.json").read_text())) == {"architecture", "files", "images"}


@pytest.mark.parametrize("file", ["web/values.yaml", "web/charts/sub/Chart.yaml"])
def test_archive_without_a_chart_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(ArtifactError, match="is not the archive of a chart"):
        charts.chart_metadata(archive(tmp_path / "source", file=file))


def test_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "web.tgz"
    path.write_text("<html>")
    with pytest.raises(ArtifactError, match="is not the archive of a chart"):
        charts.chart_metadata(path)
