"""Fixtures for tests of Azure."""

from __future__ import annotations

import pytest

from tests.unit.components.graph import Graph
from tests.unit.providers.azure.program import graph, with_all_features


@pytest.fixture(scope="module", params=[None, with_all_features], ids=["example", "everything"])
def resources(request: pytest.FixtureRequest) -> Graph:
    return graph(request.param)
