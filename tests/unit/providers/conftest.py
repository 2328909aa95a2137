from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Set an event loop, which Pulumi outputs need."""
    event_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(event_loop)
    yield
    event_loop.close()
    asyncio.set_event_loop(None)
