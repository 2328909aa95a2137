"""Fixtures: an index of artifacts that needs no mirror, and the shells of hosts."""

from __future__ import annotations

import shutil

import pytest

from testkit.bundles import FakeIndex


@pytest.fixture
def index() -> FakeIndex:
    return FakeIndex()


@pytest.fixture(params=[("dash",), ("busybox", "sh")], ids=lambda words: str(words[0]))
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return the command of a shell. busybox is the shell with the fewest features."""
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"{request.param[0]} is not installed")
    words: tuple[str, ...] = request.param
    return words
