"""Fixture with an index of artifacts that needs no mirror."""

from __future__ import annotations

import pytest

from testkit.bundles import FakeIndex


@pytest.fixture
def index() -> FakeIndex:
    return FakeIndex()
