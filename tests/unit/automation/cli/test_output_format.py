"""Tests that `preview` and `up` print a report on a terminal and the engine's text elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from automation.cli.stacks import _output_format
from automation.errors import UserError
from automation.stacks.run_stacks import OutputFormat


class Terminal(io.StringIO):
    """An output stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("option", "raw", "on_terminal", "elsewhere"),
    [
        (None, False, OutputFormat.REPORT, OutputFormat.RAW),
        (None, True, OutputFormat.RAW, OutputFormat.RAW),
        (OutputFormat.REPORT, False, OutputFormat.REPORT, OutputFormat.REPORT),
        (OutputFormat.RAW, False, OutputFormat.RAW, OutputFormat.RAW),
    ],
)
def test_options_and_terminal_choose_the_format(
    option: OutputFormat | None,
    raw: bool,
    on_terminal: OutputFormat,
    elsewhere: OutputFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert _output_format(option, raw=raw) is on_terminal
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert _output_format(option, raw=raw) is elsewhere


def test_contradicting_options_are_an_error() -> None:
    with pytest.raises(UserError, match="--raw and --format report contradict"):
        _output_format(OutputFormat.REPORT, raw=True)
