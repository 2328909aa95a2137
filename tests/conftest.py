"""Preparation of all tests: signals, time limits, groups of tests for parallel runs, and hypothesis."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import hypothesis
import pytest

_HERE = Path(__file__).parent
LIMITS: Mapping[str, int] = MappingProxyType({"plugins": 900, "lab": 900, "clouds": 1800, "faults": 3600})
"""Maximum seconds of a test with its fixtures, by directory. pyproject.toml has the limit of all others. A
fixture can create a cluster.
"""

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


# xdist reads the groups in its own hook, so this hook runs first.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set the time limit of each test, and the group of tests that run one after another in one process.

    Tests with the same cluster are in one group, so that the cluster is created once. Otherwise the tests of
    a file are in one group.
    """
    for item in items:
        path = item.path.relative_to(_HERE)
        if not item.get_closest_marker("timeout") and path.parts[0] in LIMITS:
            item.add_marker(pytest.mark.timeout(LIMITS[path.parts[0]]))
        uses_shared_cluster = path.parts[0] == "lab" and "cluster" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("cluster" if uses_shared_cluster else str(path)))
    # Tests on hosts take longest, so they start first.
    items.sort(key=lambda item: not item.path.is_relative_to(_HERE / "lab"))
