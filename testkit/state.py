"""The directory in which tests on real hosts keep the state of their stacks and labs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_KEEP = "KUBEWRIGHT_TEST_STATE"
"""The variable that names a directory: state stays there, and clusters stay up."""


def is_kept() -> bool:
    """Report whether state and clusters are kept after the tests."""
    return bool(os.environ.get(_KEEP))


def create_directory(factory: pytest.TempPathFactory, hint: str) -> Path:
    """Return a directory for a test run; `hint` is the command that runs the tests. Fail without root."""
    if os.geteuid() != 0:
        pytest.fail(f"tests on real hosts need root: run {hint}")
    if not is_kept():
        return factory.mktemp("state")
    path = Path(os.environ[_KEEP])
    path.mkdir(parents=True, exist_ok=True)
    return path
