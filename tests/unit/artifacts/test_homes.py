"""Where state and cache are."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import homes


def test_homes_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert homes.state({"KUBEWRIGHT_STATE": "/srv/s"}) == Path("/srv/s")
    assert homes.cache({"KUBEWRIGHT_CACHE": "~/elsewhere"}) == Path.home() / "elsewhere"
    assert homes.state({"KUBEWRIGHT_STATE": ""}) == Path.home() / ".local/state/kubewright"
    monkeypatch.delenv("KUBEWRIGHT_CACHE", raising=False)
    assert homes.cache() == Path.home() / ".cache/kubewright"


def test_homes_do_not_move_with_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert homes.state({"KUBEWRIGHT_STATE": "here"}) == tmp_path / "here"
