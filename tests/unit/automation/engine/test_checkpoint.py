"""Tests of the repair of state files: the previous state replaces an incomplete state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.engine import checkpoint
from automation.errors import UserError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / ".pulumi/stacks/kubewright/dev.json"
    path.parent.mkdir(parents=True)
    return path


def _repair(state: Path) -> None:
    checkpoint.repair(root=state.parents[3], project="kubewright", stack="dev")


def _backup(state: Path) -> Path:
    return state.with_name("dev.json.bak")


def test_complete_state_stays(state: Path) -> None:
    state.write_text('{"version": 3}')
    _backup(state).write_text('{"version": 2}')
    _repair(state)
    assert state.read_text() == '{"version": 3}'


@pytest.mark.parametrize("left", ["", '{"version": 3, "checkp'])
def test_incomplete_state_is_replaced_by_the_previous_state(state: Path, left: str) -> None:
    state.write_text(left)
    _backup(state).write_text('{"version": 2}')
    _repair(state)
    assert state.read_text() == '{"version": 2}'


def test_empty_state_without_backup_is_removed(state: Path) -> None:
    state.touch()
    _repair(state)
    assert not state.exists()


@pytest.mark.parametrize(("left", "backup"), [("{", "{"), ("{", None), ("", "")])
def test_unrepairable_state_is_reported_and_stays(state: Path, left: str, backup: str | None) -> None:
    state.write_text(left)
    if backup is not None:
        _backup(state).write_text(backup)
    with pytest.raises(UserError, match=r"stack dev: .* cannot be read"):
        _repair(state)
    assert state.read_text() == left


def test_every_truncation_is_detected(state: Path) -> None:
    complete_text = json.dumps({"a": ["}", '\\"}', {"b": "[{"}], "c": {"d": {}}})
    for length in range(1, len(complete_text)):
        state.write_text(complete_text[:length])
        _backup(state).write_text('{"version": 2}')
        _repair(state)
        assert state.read_text() == '{"version": 2}', complete_text[:length]
    for text in (complete_text, f"{complete_text}\n"):
        state.write_text(text)
        _repair(state)
        assert state.read_text() == text


@pytest.mark.parametrize("left", ["", '{"user.cache_con'])
def test_incomplete_attributes_are_removed(state: Path, left: str) -> None:
    state.write_text('{"version": 3}')
    _backup(state).write_text('{"version": 2}')
    incomplete_attributes, backup_attributes = (
        state.with_name("dev.json.attrs"),
        state.with_name("dev.json.bak.attrs"),
    )
    incomplete_attributes.write_text(left)
    backup_attributes.write_text('{"md5": null}')
    _repair(state)
    assert state.read_text() == '{"version": 3}'
    assert not incomplete_attributes.exists()
    assert backup_attributes.read_text() == '{"md5": null}'
