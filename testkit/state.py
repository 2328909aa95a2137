"""Where tests on real hosts keep the state of their stacks and labs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_KEEP = "KUBEWRIGHT_TEST_STATE"
"""Names a directory: state stays there, and what was made stays up."""


def kept() -> bool:
    """Whether what tests make stays."""
    return bool(os.environ.get(_KEEP))


def directory(factory: pytest.TempPathFactory, hint: str) -> Path:
    """A directory for a run of the tests; `hint` says how to run them. Fails without root."""
    if os.geteuid() != 0:
        pytest.fail(f"tests on real hosts need root: run {hint}")
    if not kept():
        return factory.mktemp("state")
    path = Path(os.environ[_KEEP])
    path.mkdir(parents=True, exist_ok=True)
    return path
