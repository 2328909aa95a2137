"""Fixtures of the tests of emulated clouds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.azure_joins import JoinCloud, join_cloud, worker


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JoinCloud]:
    """Return an emulated Azure with a control plane and two machines of a pool."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    with join_cloud(tmp_path) as cloud:
        for number in (1, 2):
            cloud.add(worker(number))
        yield cloud
