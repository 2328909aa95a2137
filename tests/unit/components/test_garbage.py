"""Test that the program searches for garbage seldom, which halves its processor time, but does search."""

from __future__ import annotations

import gc
from pathlib import Path

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import cluster_config


def test_program_searches_for_garbage_seldom(deploy: Deploy, tmp_path: Path) -> None:
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.disable()
    try:
        deploy(cluster_config(tmp_path, workers=1))
        assert gc.isenabled()
        assert gc.get_threshold()[0] >= 50_000
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
