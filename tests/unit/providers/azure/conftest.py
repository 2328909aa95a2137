"""Fixtures for tests of Azure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.components.graph import Graph
from tests.unit.providers.azure.fake_azure import FakeAzure, serve_azure
from tests.unit.providers.azure.program import graph, with_all_features


@pytest.fixture(scope="module", params=[None, with_all_features], ids=["example", "everything"])
def resources(request: pytest.FixtureRequest) -> Graph:
    return graph(request.param)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[FakeAzure]:
    with serve_azure(tmp_path) as fake_azure:
        yield fake_azure
