"""Tests of the limits by which hosts of an inventory change: members of a quorum, and pools."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.metal import provider
from providers.rolling import RollingLimit
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import cluster_config


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, bool]]:
    """Record the rolling limits that the program creates: number and strictness by group."""
    recorded: dict[str, tuple[int, bool]] = {}

    class RecordedLimit(RollingLimit):
        def __init__(self, group: str, limit: int, *, strict: bool = False) -> None:
            recorded[group] = (limit, strict)
            super().__init__(group, limit, strict=strict)

    monkeypatch.setattr(provider, "RollingLimit", RecordedLimit)
    return recorded


def test_members_change_one_at_a_time_and_none_while_another_is_lost(
    deploy: Deploy, tmp_path: Path, limits: dict[str, tuple[int, bool]]
) -> None:
    deploy(cluster_config(tmp_path, workers=3, control_planes=3))
    assert {role: limits[role] for role in ("etcd", "control-plane")} == {
        "etcd": (1, True),
        "control-plane": (1, True),
    }


@pytest.mark.parametrize("max_unavailable", [1, 2])
def test_a_pool_changes_as_many_hosts_at_a_time_as_its_settings_allow(
    deploy: Deploy, tmp_path: Path, limits: dict[str, tuple[int, bool]], max_unavailable: int
) -> None:
    pool = {"hosts": ["w-1", "w-2", "w-3"], "max_unavailable": max_unavailable}
    deploy(cluster_config(tmp_path, workers=3, pools={"workers": pool}))
    assert limits["pool-workers"] == (max_unavailable, False)
