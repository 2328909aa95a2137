"""Fixtures for tests of the boot program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testkit.boot import BootMachine


@pytest.fixture(params=[shell for shell in ("dash", "bash") if shutil.which(shell)])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machine(tmp_path: Path) -> BootMachine:
    return BootMachine(tmp_path)
