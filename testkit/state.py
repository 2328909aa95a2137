"""The directory for the state of stacks and labs in tests on real hosts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_KEEP = "KUBEWRIGHT_TEST_STATE"
"""Name of the variable with a state directory that is kept, together with its clusters."""


def is_kept() -> bool:
    """Report whether state and clusters are kept after the tests."""
    return bool(os.environ.get(_KEEP))


def create_directory(factory: pytest.TempPathFactory, hint: str) -> Path:
    """Return a state directory for a test run. Fail without root; the message has `hint`, the command for
    the tests.
    """
    if os.geteuid() != 0:
        pytest.fail(f"tests on real hosts need root: run {hint}")
    if not is_kept():
        return factory.mktemp("state")
    path = Path(os.environ[_KEEP])
    path.mkdir(parents=True, exist_ok=True)
    return path
