"""Tests of files that are no saved state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automation.errors import UserError
from automation.operations import state_backup

RESOURCE = {"urn": "urn:pulumi:dev::kubewright::pulumi:pulumi:Stack::kubewright-dev"}
STATE: dict[str, Any] = {"version": 3, "deployment": {"resources": [RESOURCE]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(STATE)[:-5], "is damaged, or is no saved state"),
        ("[]", "has no resources; give a file that"),
        ('{"deployment": null}', "has no resources; give a file that"),
        ('{"deployment": {"resources": []}}', "has no resources; give a file that"),
    ],
)
def test_file_without_a_state_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)
    with pytest.raises(UserError, match=message):
        state_backup.read_backup(file)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"state\.json: cannot be read: No such file"):
        state_backup.read_backup(tmp_path / "state.json")


@pytest.mark.parametrize("stack", ["de", "dev2", "west"])
def test_state_belongs_to_one_stack(stack: str) -> None:
    state_backup.check_stack(STATE, "dev", Path("state.json"))
    with pytest.raises(UserError, match=f"is the state of stack dev; give a backup of stack {stack}"):
        state_backup.check_stack(STATE, stack, Path("state.json"))
