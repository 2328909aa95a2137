"""Fixture that runs the Pulumi program with mocks."""

from __future__ import annotations

import json
import runpy
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from pulumi.runtime import config
from pulumi.runtime.mocks import Mocks

import artifacts.index
from artifacts.index import Index
from tests.unit.components import graph as graphs
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Json
from tests.unit.components.rotating_cluster import RotatingCluster

ROOT = Path(__file__).resolve().parents[3]


class Deploy(Protocol):
    def __call__(self, cluster: Json, plugins: Mocks | None = None) -> Graph: ...


@pytest.fixture(scope="session")
def deploy() -> Iterator[Deploy]:
    """Return a function that runs the real program on a configuration, with a fake index of the mirror."""

    def load_fake_index(*_: object, pinned: str | None = None) -> Index:
        return graphs.fake_index()

    def run(cluster: Json, plugins: Mocks | None = None) -> Graph:
        config.set_config("kubewright:cluster", json.dumps(cluster))
        sigint_handler = signal.getsignal(signal.SIGINT)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(artifacts.index, "load", load_fake_index)
            try:
                return graphs.record_graph(
                    lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), plugins=plugins
                )
            finally:
                signal.signal(signal.SIGINT, sigint_handler)

    yield run
    config.set_all_config({})


@pytest.fixture(scope="session")
def first_cluster(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> RotatingCluster:
    """Return a cluster after its creation. Tests get copies of it (`cluster`)."""
    return RotatingCluster(deploy, tmp_path_factory.mktemp("rotating"), CertificatePluginMocks())


@pytest.fixture
def cluster(first_cluster: RotatingCluster) -> RotatingCluster:
    """Return a new cluster whose certificates can rotate."""
    return first_cluster.copy()
