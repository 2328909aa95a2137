"""Tests of the repair of state files: the previous state replaces an incomplete state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.engine import checkpoint
from automation.errors import UserError


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    path = tmp_path / ".pulumi/stacks/kubewright/dev.json"
    path.parent.mkdir(parents=True)
    return path


def _repair_state(state_file: Path) -> None:
    checkpoint.repair_state(root=state_file.parents[3], project="kubewright", stack="dev")


def _backup_path(state_file: Path) -> Path:
    return state_file.with_name("dev.json.bak")


def test_complete_state_is_kept(state_file: Path) -> None:
    state_file.write_text('{"version": 3}')
    _backup_path(state_file).write_text('{"version": 2}')
    _repair_state(state_file)
    assert state_file.read_text() == '{"version": 3}'


@pytest.mark.parametrize("incomplete_text", ["", '{"version": 3, "checkp'])
def test_incomplete_state_is_replaced_by_the_previous_state(state_file: Path, incomplete_text: str) -> None:
    state_file.write_text(incomplete_text)
    _backup_path(state_file).write_text('{"version": 2}')
    _repair_state(state_file)
    assert state_file.read_text() == '{"version": 2}'


def test_empty_state_without_backup_is_removed(state_file: Path) -> None:
    state_file.touch()
    _repair_state(state_file)
    assert not state_file.exists()


@pytest.mark.parametrize(("incomplete_text", "backup"), [("{", "{"), ("{", None), ("", "")])
def test_unrepairable_state_is_reported_and_kept(
    state_file: Path, incomplete_text: str, backup: str | None
) -> None:
    state_file.write_text(incomplete_text)
    if backup is not None:
        _backup_path(state_file).write_text(backup)
    with pytest.raises(UserError, match=r"stack dev: .* cannot be read"):
        _repair_state(state_file)
    assert state_file.read_text() == incomplete_text


def test_every_truncation_is_detected(state_file: Path) -> None:
    complete_text = json.dumps({"a": ["}", '\\"}', {"b": "[{"}], "c": {"d": {}}})
    for length in range(1, len(complete_text)):
        state_file.write_text(complete_text[:length])
        _backup_path(state_file).write_text('{"version": 2}')
        _repair_state(state_file)
        assert state_file.read_text() == '{"version": 2}', complete_text[:length]
    for text in (complete_text, f"{complete_text}\n"):
        state_file.write_text(text)
        _repair_state(state_file)
        assert state_file.read_text() == text


@pytest.mark.parametrize("incomplete_text", ["", '{"user.cache_con'])
def test_incomplete_attributes_are_removed(state_file: Path, incomplete_text: str) -> None:
    state_file.write_text('{"version": 3}')
    _backup_path(state_file).write_text('{"version": 2}')
    incomplete_attributes, backup_attributes = (
        state_file.with_name("dev.json.attrs"),
        state_file.with_name("dev.json.bak.attrs"),
    )
    incomplete_attributes.write_text(incomplete_text)
    backup_attributes.write_text('{"md5": null}')
    _repair_state(state_file)
    assert state_file.read_text() == '{"version": 3}'
    assert not incomplete_attributes.exists()
    assert backup_attributes.read_text() == '{"md5": null}'
