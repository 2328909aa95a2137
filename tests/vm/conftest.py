"""Fixtures for tests on clusters whose workers are virtual machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.state import create_directory


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test-vm` as root")
