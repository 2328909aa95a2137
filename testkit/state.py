"""The directory for the state of stacks and labs in tests on real hosts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
