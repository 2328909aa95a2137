"""Preparation of all tests: signals, time limits, scheduling of parallel runs, and hypothesis."""

from __future__ import annotations

import gc
import signal
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

_HERE = Path(__file__).parent
_SHARED_CLUSTER = "tests/lab/cluster/"
"""The directory of the tests that share a cluster."""
LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "programs": 900,
        "engine": 900,
        "plugins": 900,
        "lab": 900,
        "reloads": 1200,
        "clouds": 1800,
        "faults": 3600,
        "conformance": 10800,
        "vm": 3600,
    }
)
"""Maximum seconds of a test with its fixtures, by directory. pyproject.toml has the limit of all others. A
fixture can create a cluster.
"""

# Most objects of a test process live until its end: modules of SDKs, tests, graphs of the program. By default
# Python searches them for garbage so often that this took half of the processor time of unit tests. Imports
# leave no garbage. `pytest_collection_finish` starts the search again.
gc.disable()
_GARBAGE_THRESHOLDS = (50_000, 20, 20)
"""New objects before a search of the youngest objects, and searches of a generation before the next one."""

# A shell ignores SIGINT in background jobs, and all child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# `nohup make test` ignores SIGHUP. With a handler the tests survive a closed terminal too, but their child
# processes start with the default action.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# Every run has the same examples, so that a failure never belongs to another change. `make test-shuffled`
# uses the profile `random`. The machine can be busy, so examples have no deadline.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.register_profile("random", derandomize=False, deadline=None, print_blob=True)
hypothesis.settings.load_profile("fixed")


# pytest-xdist 3.8 has `loadgroup` for this, which has no effect with pytest 9.2: ids of tests cannot change.
class GroupScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Distribute the tests of a group to one process: the tests that share a cluster, or those of a file."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test."""
        path = super()._split_scope(nodeid)
        return _SHARED_CLUSTER if path.startswith(_SHARED_CLUSTER) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Return the scheduler for parallel runs."""
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set the time limit of each test. Move the tests that take longest to the start."""
    for item in items:
        limit = _limit(item.path)
        if limit and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(limit))
    items.sort(key=lambda item: _priority(item.path))


def pytest_collection_finish() -> None:
    """Search for garbage again, but not among the objects that exist before the first test."""
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()


# A file has up to 1,000 tests.
@cache
def _limit(path: Path) -> int:
    """Return the time limit of the tests of a file; 0 for the general limit."""
    return LIMITS.get(path.relative_to(_HERE).parts[0], 0)


@cache
def _priority(path: Path) -> int:
    """Return the position of a test file in a run. The files whose tests take longest come first."""
    order = (_SHARED_CLUSTER, "tests/lab", "tests/engine", "tests/programs")
    relative = path.relative_to(_HERE.parent)
    return next((place for place, start in enumerate(order) if relative.is_relative_to(start)), len(order))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how long the tests of each directory took in all processes, if durations are shown."""
    if config.getoption("durations"):
        terminalreporter.section("durations of directories")
        for directory, seconds in sum_durations(terminalreporter.stats).items():
            terminalreporter.write_line(f"{seconds:.0f} s in tests/{directory}")


def sum_durations(outcomes: Mapping[str, list[object]]) -> dict[str, float]:
    """Return the seconds of all tests by directory below `tests`, the longest first.

    `outcomes` is `TerminalReporter.stats`: the reports of a run by their outcome.
    """
    seconds: Counter[str] = Counter()
    for report in (report for reports in outcomes.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.split("/")[1]] += report.duration  # type: ignore[assignment]  # Counter of floats
    return dict(seconds.most_common())
