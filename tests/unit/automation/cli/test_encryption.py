"""Tests of the command `encryption rewrite`: options before and after its name select the stack."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from automation.cli import encryption
from automation.cli.app import app
from automation.operations import encryption as operation


@pytest.mark.parametrize(
    ("words", "stack"),
    [
        (["encryption", "rewrite"], "dev"),
        (["encryption", "rewrite", "--stack", "prod"], "prod"),
        (["encryption", "--stack", "prod", "rewrite"], "prod"),
    ],
)
def test_stack_of_a_rewrite(monkeypatch: pytest.MonkeyPatch, words: list[str], stack: str) -> None:
    found: list[str] = []

    def rewrite_objects(target: SimpleNamespace) -> int:
        found.append(target.stack)
        return 1

    monkeypatch.setattr(encryption, "find_target", lambda _, name, *__, **___: SimpleNamespace(stack=name))
    monkeypatch.setattr(operation, "rewrite_objects", rewrite_objects)
    monkeypatch.setattr(operation, "show", lambda _: pytest.fail("shown"))
    assert CliRunner().invoke(app, words).exit_code == 1
    assert found == [stack]
