"""Tests of the option `--version` of `mirror`, which selects versions of the catalogue."""

from __future__ import annotations

import pytest

from automation.cli.app import run


@pytest.mark.parametrize(
    ("choice", "phrase"),
    [
        ("etcd", "the catalogue has only"),
        ("etcd=0.1", "the catalogue has only"),
        ("unknown=1", "expected COMPONENT=VERSION, with a component of kubernetes"),
    ],
)
def test_wrong_version_is_reported_in_one_line(
    choice: str, phrase: str, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("mirror")
    assert run(["mirror", "--directory", str(directory), "--version", choice]) == 1
    error = capsys.readouterr().err
    assert f"--version {choice}: {phrase}" in error
    assert error.count("\n") == 1
