"""Fixtures for tests with the real engine and plugins that change no host. The tests need neither root nor
a lab.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testkit.artifact_server import serve_artifacts
from testkit.offline.machine import Machine


# Test files run in separate groups, because several test files have stacks with the same name.
@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Yield a deployer for the stacks of a test file, and a server with the index of a mirror."""
    root = tmp_path_factory.mktemp("machine")
    with serve_artifacts(root) as server:
        yield Machine.create(root, server)
