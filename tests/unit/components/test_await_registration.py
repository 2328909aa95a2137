"""Tests of waiting for resources: wait for all resources, or until the first error."""

from __future__ import annotations

import asyncio
from typing import cast

from pulumi import Resource

from components.await_registration import await_registration


class Registering:
    """A resource whose URN is resolved when the test decides."""

    def __init__(self) -> None:
        self.known: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.urn = self

    async def future(self) -> str:
        return await self.known


def waiting(*resources: Registering) -> asyncio.Task[None]:
    return asyncio.ensure_future(await_registration(cast(Resource, each) for each in resources))


async def run_pending_tasks() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_waits_for_all_resources() -> None:
    async def main() -> None:
        one, two = Registering(), Registering()
        task = waiting(one, two)
        one.known.set_result("urn:one")
        await run_pending_tasks()
        assert not task.done()
        two.known.set_result("urn:two")
        await run_pending_tasks()
        assert task.done()
        assert task.exception() is None

    asyncio.run(main())


def test_a_failed_resource_ends_the_wait_without_an_error() -> None:
    async def main() -> None:
        one, two = Registering(), Registering()
        task = waiting(one, two)
        two.known.set_exception(RuntimeError("not registered"))
        await run_pending_tasks()
        assert task.done()
        assert task.exception() is None
        one.known.set_result("urn:one")
        await run_pending_tasks()

    asyncio.run(main())


def test_returns_at_once_without_resources() -> None:
    asyncio.run(await_registration([]))
