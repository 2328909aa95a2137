from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import config

import artifacts.index
from tests.unit.components import graph as graphs

ROOT = Path(__file__).resolve().parents[3]
Deploy = Callable[[dict[str, Any]], graphs.Graph]


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Runs the real program on a configuration; only the mirror's index is given."""
    monkeypatch.setattr(artifacts.index, "load", lambda *_: graphs.index())

    def run(cluster: dict[str, Any]) -> graphs.Graph:
        config.set_config("kubewright:cluster", json.dumps(cluster))
        return graphs.record(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"))

    yield run
    config.CONFIG.pop("kubewright:cluster", None)
