"""The state of stacks and labs in tests on real hosts, and its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from testkit.cluster import Cluster

_ClusterT = TypeVar("_ClusterT", bound=Cluster)

_KEEP_VARIABLE = "KUBEWRIGHT_TEST_STATE"
"""Environment variable with the path of a state directory. The directory and its clusters survive the
tests.
"""


def is_kept() -> bool:
    """Check whether state and clusters are kept after the tests."""
    return bool(os.environ.get(_KEEP_VARIABLE))


def create_directory(factory: pytest.TempPathFactory, hint: str) -> Path:
    """Return a state directory for a test run. Fail the test without root permissions.

    `hint` is the command that runs the tests with these permissions; the message of the failure contains it.
    """
    if os.geteuid() != 0:
        pytest.fail(f"tests on real hosts need root: run {hint}")
    if not is_kept():
        return factory.mktemp("state")
    path = Path(os.environ[_KEEP_VARIABLE])
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def removed_at_end(cluster: _ClusterT) -> Iterator[_ClusterT]:
    """Yield a cluster and run `down` at the end of the block, also after a failed `up`."""
    try:
        yield cluster
    finally:
        if not is_kept():
            cluster.down()
