"""Tests of the options of `conformance`, and of `mirror --conformance`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from artifacts import mirror
from artifacts.catalogue import OPTIONAL_ARTIFACTS, OPTIONAL_IMAGES
from artifacts.conformance import mirror as conformance_mirror
from artifacts.conformance.mirror import SkippedImage
from automation.cli import conformance as command
from automation.cli.app import run
from automation.conformance import run as conformance_run


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Record the options and the directory of each run, which ends with exit code 1."""
    recorded: list[Any] = []

    def record(environment: object, settings: object, options: object, directory: Path) -> int:
        recorded.append((options, directory))
        return 1

    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    monkeypatch.setattr(command, "find_target", lambda *_, **__: SimpleNamespace(settings=None))
    monkeypatch.setattr(conformance_run, "conformance", record)
    return recorded


@pytest.mark.parametrize(
    ("arguments", "suite", "directory"),
    [
        ([], "conformance", "conformance"),
        (["--suite", "smoke"], "smoke", "smoke"),
        (["--focus", "DNS"], "", "focus"),
        (["--suite", "node", "--focus", "DNS"], "node", "node"),
    ],
)
def test_focus_alone_selects_among_all_specs(
    arguments: list[str], suite: str, directory: str, calls: list[Any], tmp_path: Path
) -> None:
    assert run(["conformance", "--stack", "prod", *arguments]) == 1
    ((options, path),) = calls
    assert (options.suite, options.stack, options.resume) == (suite, "prod", False)
    assert path == tmp_path / "stacks/prod/conformance" / directory


def test_report_directory_is_absolute(
    calls: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["conformance", "--report", "here", "--resume", "--parallel", "2"])
    ((options, path),) = calls
    assert path == tmp_path / "here"
    assert (options.parallel, options.resume) == (2, True)


def test_zero_processes_are_refused(calls: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conformance", "--parallel", "0"]) != 0
    assert "--parallel" in capsys.readouterr().err
    assert calls == []


@pytest.mark.parametrize(
    ("arguments", "added"),
    [([], []), (["--conformance"], ["1.35.6"]), (["--common"], [])],
)
def test_mirror_has_the_tests_only_with_the_switch(
    arguments: list[str],
    added: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    versions: list[str] = []

    def add(directory: Path, kubernetes: str, progress: object) -> list[SkippedImage]:
        versions.append(kubernetes)
        return [SkippedImage("r.example/x:1", "no recipe")]

    def build(
        directory: Path, *_: object, optional: tuple[str, ...], optional_images: tuple[str, ...]
    ) -> Path:
        # Users build mirrors for stacks that this command does not know.
        common = "--common" in arguments
        assert optional == (() if common else OPTIONAL_ARTIFACTS)
        assert optional_images == (() if common else OPTIONAL_IMAGES)
        return directory

    monkeypatch.setattr(mirror, "build", build)
    monkeypatch.setattr(conformance_mirror, "add", add)
    options = ["--directory", str(tmp_path), "--version", "kubernetes=1.35.6"]
    assert run(["mirror", *options, *arguments]) == 0
    assert versions == added
    assert ("not in the mirror: r.example/x:1: no recipe" in capsys.readouterr().err) == bool(added)
