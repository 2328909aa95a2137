"""Tests of installing the tools of the deployer."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from testkit.artifact_server import add_artifact


@pytest.fixture
def cache_with_tools(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Return a cache with all tools. PATH contains only the directory `path` of the test."""
    for name in catalogue.TOOLS:
        add_artifact(cache, name, catalogue.version_of(name), name.encode(), tmp_path)
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/path")
    return cache


def _write_program(path: Path, output: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


def test_all_tools_are_in_one_directory(cache_with_tools: Cache, tmp_path: Path, progress: Progress) -> None:
    tools = install_tools(tmp_path / "bin", cache_with_tools, progress)
    assert sorted(tools) == sorted(catalogue.TOOLS)
    for name, path in tools.items():
        assert path == tmp_path / "bin" / name
        assert path.read_text() == name


def test_second_run_changes_nothing(cache_with_tools: Cache, tmp_path: Path, progress: Progress) -> None:
    first = {
        path: path.stat().st_ino
        for path in install_tools(tmp_path / "bin", cache_with_tools, progress).values()
    }
    install_tools(tmp_path / "bin", cache_with_tools, progress)
    assert {path: path.stat().st_ino for path in (tmp_path / "bin").iterdir()} == first


def test_suitable_tool_on_path_is_used(cache_with_tools: Cache, tmp_path: Path, progress: Progress) -> None:
    version = catalogue.version_of("kubectl")
    kubectl = _write_program(tmp_path / "path" / "kubectl", f"Client Version: v{version}")
    assert acquire.provide_tool("kubectl", cache_with_tools, progress) == kubectl


@pytest.mark.parametrize("output", ["Client Version: v1.20.0", "", "nonsense"])
def test_unsuitable_tool_on_path_is_ignored(
    output: str, cache_with_tools: Cache, tmp_path: Path, progress: Progress
) -> None:
    _write_program(tmp_path / "path" / "kubectl", output)
    assert acquire.provide_tool("kubectl", cache_with_tools, progress) == cache_with_tools.path(
        "kubectl", catalogue.version_of("kubectl")
    )


def test_language_host_comes_with_the_engine_on_path(
    cache_with_tools: Cache, tmp_path: Path, progress: Progress
) -> None:
    name = "pulumi-language-python"
    host = _write_program(tmp_path / "path" / name, "")
    assert acquire.provide_tool(name, cache_with_tools, progress) == cache_with_tools.path(
        name, catalogue.version_of(name)
    )
    _write_program(tmp_path / "path" / "pulumi", f"v{catalogue.version_of('pulumi')}")
    assert acquire.provide_tool(name, cache_with_tools, progress) == host
