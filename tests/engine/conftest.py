"""The real engine on plugins that touch no host: no root, no lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.artifact_server import serving
from testkit.offline.machine import Machine


# Stacks of several test files have the same names.
@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine with the stacks of one test file, and a mirror that it can read."""
    root = tmp_path_factory.mktemp("machine")
    with serving(root) as server:
        yield Machine.make(root, server)
