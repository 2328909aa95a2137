"""Fixtures for the highly available stack on real hosts, which is created once for all fault tests.

`KUBEWRIGHT_TEST_STATE` names a directory to keep, as in tests/lab: a cluster that one run created there is
used, and left running, by the next run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testkit import stackfile
from testkit.cluster import CHECKOUT
from testkit.state import create_directory, is_kept
from tests.faults.ha import NETWORK, Ha

Note = Callable[..., None]
_figures: list[dict[str, Any]] = []


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state directory of this run."""
    return create_directory(tmp_path_factory, "`make test-faults` as root")


@contextmanager
def stack(cluster: Ha) -> Iterator[Ha]:
    """Yield a stack and take it down at the end, also after a failed `up`."""
    try:
        cluster.up()
        yield cluster
    finally:
        if not is_kept():
            cluster.down()


@pytest.fixture(scope="session")
def ha(state: Path) -> Iterator[Ha]:
    """Return the stack `ha`: 2 load balancers, 3 control planes with etcd, 3 workers in 2 pools."""
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", "kwfault", NETWORK)
    with stack(Ha(name="kwfault", state=state, config=config)) as cluster:
        yield cluster


@pytest.fixture
def healthy(ha: Ha) -> Iterator[Ha]:
    """Assert before and after a fault that the stack is healthy and its preview empty."""
    ha.wait_healthy()
    yield ha
    ha.boot_hosts()  # a failed test may have left a host disconnected
    ha.wait_healthy()
    assert ha.steps() == {}, "after the fault the preview of the unchanged stack is not empty"


@pytest.fixture
def note(request: pytest.FixtureRequest, state: Path) -> Note:
    """Record the measurements of a test: a line in faults.jsonl, and a row in the table at the end."""

    def record(**figures: object) -> None:
        entry = {"test": request.node.name, **figures}
        _figures.append(entry)
        with (state / "faults.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry))

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all measurements."""
    if not _figures:
        return
    terminalreporter.section("figures (seconds)")
    for entry in _figures:
        shown = ", ".join(f"{name} {value}" for name, value in entry.items() if name != "test")
        terminalreporter.write_line(f"{entry['test']}: {shown}")
