"""Fixtures for tests of Azure."""

from __future__ import annotations

import pytest

from tests.unit.components.graph import Graph
from tests.unit.providers.azure.program import everything, graph


@pytest.fixture(scope="module", params=[None, everything], ids=["example", "everything"])
def recorded(request: pytest.FixtureRequest) -> Graph:
    return graph(request.param)
