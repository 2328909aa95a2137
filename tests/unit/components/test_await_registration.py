"""Tests of `await_registration`: it waits for all resources, or until the first error."""

from __future__ import annotations

import asyncio
from typing import cast

from pulumi import Resource

from components.await_registration import await_registration


class Registering:
    """A resource whose URN is resolved when the test decides."""

    def __init__(self) -> None:
        self.urn_future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.urn = self

    async def future(self) -> str:
        return await self.urn_future


def start_waiting(*resources: Registering) -> asyncio.Task[None]:
    return asyncio.ensure_future(await_registration(cast(Resource, resource) for resource in resources))


async def run_pending_tasks() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_waits_for_all_resources() -> None:
    async def main() -> None:
        one, two = Registering(), Registering()
        task = start_waiting(one, two)
        one.urn_future.set_result("urn:one")
        await run_pending_tasks()
        assert not task.done()
        two.urn_future.set_result("urn:two")
        await run_pending_tasks()
        assert task.done()
        assert task.exception() is None

    asyncio.run(main())


def test_a_failed_resource_ends_the_wait_without_an_error() -> None:
    async def main() -> None:
        one, two = Registering(), Registering()
        task = start_waiting(one, two)
        two.urn_future.set_exception(RuntimeError("not registered"))
        await run_pending_tasks()
        assert task.done()
        assert task.exception() is None
        one.urn_future.set_result("urn:one")
        await run_pending_tasks()

    asyncio.run(main())


def test_returns_at_once_without_resources() -> None:
    asyncio.run(await_registration([]))
