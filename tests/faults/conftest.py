"""The highly available stack on real hosts, made once for all faults; each test prints its figures.

`KUBEWRIGHT_TEST_STATE` names a directory to keep, as in tests/lab: a cluster made there by one run is
used, and left running, by the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from testkit.cluster import CHECKOUT
from testkit.state import directory, kept

from testkit import stackfile
from tests.faults.ha import NETWORK, Ha

Note = Callable[..., None]
_figures: list[dict[str, Any]] = []


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this run keeps the state of its stacks and labs."""
    return directory(tmp_path_factory, "`make test-faults` as root")


@contextmanager
def stack(cluster: Ha) -> Iterator[Ha]:
    """A stack that is taken down at the end, also when its `up` failed."""
    try:
        cluster.up()
        yield cluster
    finally:
        if not kept():
            cluster.down()


@pytest.fixture(scope="session")
def ha(state: Path) -> Iterator[Ha]:
    """The stack `ha`: 2 load balancers, 3 control planes with etcd, 3 workers in 2 pools."""
    config = stackfile.of(CHECKOUT / "Pulumi.ha.yaml", "kwfault", NETWORK)
    with stack(Ha(name="kwfault", state=state, config=config)) as cluster:
        yield cluster


@pytest.fixture
def sound(ha: Ha) -> Iterator[Ha]:
    """The stack before and after a fault: whole, and a preview of it empty."""
    ha.whole()
    yield ha
    ha.powered()  # a test that failed may have left a host without
    ha.whole()
    assert ha.steps() == {}, "after the fault the preview of the unchanged stack is not empty"


@pytest.fixture
def note(request: pytest.FixtureRequest, state: Path) -> Note:
    """Keeps a test's figures: a line of faults.jsonl, and of the table at the end."""

    def keep(**figures: object) -> None:
        entry = {"test": request.node.name, **figures}
        _figures.append(entry)
        with (state / "faults.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of all figures."""
    if not _figures:
        return
    terminalreporter.section("figures (seconds)")
    for entry in _figures:
        shown = ", ".join(f"{name} {value}" for name, value in entry.items() if name != "test")
        terminalreporter.write_line(f"{entry['test']}: {shown}")
