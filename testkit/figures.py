"""Measurements of tests: the fixture that records them, and their table at the end of a run.

The conftest of a directory imports the fixture and the hook. It defines the fixture `state`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RecordFigures = Callable[..., None]
"""A function that records the measurements of a test, given as keyword arguments."""
_figures: list[dict[str, Any]] = []


@pytest.fixture
def record_figures(request: pytest.FixtureRequest, state: Path) -> RecordFigures:
    """Return a function that records measurements of a test.

    The function writes a line to figures.jsonl and adds a row to the table at the end of the test run.
    """

    def record(**figures: object) -> None:
        entry = {"test": request.node.name, **figures}
        _figures.append(entry)
        with (state / "figures.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry))

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all measurements at the end of the test run, once for all directories."""
    if not _figures:
        return
    terminalreporter.section("figures (seconds)")
    for entry in _figures:
        shown = ", ".join(f"{name} {value}" for name, value in entry.items() if name != "test")
        terminalreporter.write_line(f"{entry['test']}: {shown}")
    _figures.clear()
