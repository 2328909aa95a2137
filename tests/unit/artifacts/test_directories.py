"""Tests of the locations of the state and cache directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import directories


def test_directories_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert directories.state({"KUBEWRIGHT_STATE": "/srv/s"}) == Path("/srv/s")
    assert directories.cache({"KUBEWRIGHT_CACHE": "~/elsewhere"}) == Path.home() / "elsewhere"
    assert directories.state({"KUBEWRIGHT_STATE": ""}) == Path.home() / ".local/state/kubewright"
    monkeypatch.delenv("KUBEWRIGHT_CACHE", raising=False)
    assert directories.cache() == Path.home() / ".cache/kubewright"


def test_directories_do_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert directories.state({"KUBEWRIGHT_STATE": "here"}) == tmp_path / "here"
