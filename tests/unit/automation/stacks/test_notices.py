"""Tests of messages about running commands: progress and failures are shown, other output is not."""

from __future__ import annotations

import pytest
from pulumi.automation.events import EngineEvent

from automation.stacks.display import describe_event
from automation.stacks.events import Message, convert_engine_event
from formats.notices import FAILURE, PROGRESS
from redaction.redactor import Redactor


def convert(text: str, *, ephemeral: bool = True) -> object:
    event = EngineEvent.from_json(
        {
            "sequence": 1,
            "timestamp": 1,
            "diagnosticEvent": {
                "message": text,
                "color": "never",
                "severity": "info",
                "ephemeral": ephemeral,
                "urn": "urn:x",
            },
        }
    )
    return convert_engine_event(event, Redactor([]))


@pytest.mark.parametrize("ephemeral", [True, False])
def test_progress_of_a_command_is_shown(ephemeral: bool) -> None:
    message = convert(f"{PROGRESS}3 of 12 nodes\n", ephemeral=ephemeral)
    assert message == Message(severity="info", text="3 of 12 nodes", urn="urn:x", progress=True)
    assert isinstance(message, Message)
    assert describe_event(message) == "3 of 12 nodes"


def test_the_failure_of_a_machine_is_a_warning() -> None:
    message = convert(f"{FAILURE}cp-1: etcd: no disk\n")
    assert isinstance(message, Message)
    assert describe_event(message) == "warning: cp-1: etcd: no disk"


@pytest.mark.parametrize("text", ["error: not healthy yet", "creating..."])
def test_other_output_of_commands_is_not_shown(text: str) -> None:
    assert convert(text) is None
    assert isinstance(convert(text, ephemeral=False), Message)
