"""Fixtures for clusters on real hosts, which are created once for all tests and always removed at the end.

The state is in a temporary directory, so that tests do not affect the user's clusters. Tests use the user's
cache (tools, mirror, root file system of hosts). KUBEWRIGHT_TEST_STATE names a directory that is kept: the
first run creates a cluster there, and later runs use this cluster and leave it running.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.figures import pytest_terminal_summary, record_figures
from testkit.state import create_directory

__all__ = ["pytest_terminal_summary", "record_figures"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test` as root, or `make test-unit`")
