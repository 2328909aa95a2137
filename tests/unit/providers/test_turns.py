"""Rolling changes, on an event loop and without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

import pytest
from pulumi import ErrorHookArgs, ResourceHookArgs

from providers.rolling import RollingLimit

BROKEN = 'Process exited with status 1: running "…":\nkubelet is not healthy'
UNREACHED = "dial tcp 10.89.0.21:22: i/o timeout"


def hook(name: str) -> ResourceHookArgs:
    return ResourceHookArgs(urn=f"urn:{name}", id=name, name=name, type="command:remote:Command")


def error(name: str, message: str, operation: str = "update") -> ErrorHookArgs:
    return ErrorHookArgs(
        urn=f"urn:{name}",
        id=name,
        name=name,
        type="command:remote:Command",
        failed_operation=operation,
        errors=[message],
    )


class Hosts:
    """Hosts that change; `failing` maps a host to the error its change ends with."""

    def __init__(self, turns: RollingLimit, failing: dict[str, str] | None = None) -> None:
        self.turns = turns
        self.failing = failing or {}
        self.now = 0
        self.most = 0
        self.done: list[str] = []
        self.refused: dict[str, str] = {}

    async def change(self, name: str) -> None:
        try:
            await self.turns.take(hook(name))
        except RuntimeError as refusal:
            self.refused[name] = str(refusal)
            return
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        if name in self.failing:
            assert await self.turns.lose(error(name, self.failing[name])) is False
        else:
            self.done.append(name)
            await self.turns.end(hook(name))

    async def change_all(self, names: Sequence[str]) -> None:
        await asyncio.wait_for(asyncio.gather(*(self.change(name) for name in names)), timeout=5)


def run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)


WORKERS = [f"w-{number}" for number in range(1, 7)]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_at_most_so_many_change_at_a_time_and_all_do(limit: int) -> None:
    async def work() -> None:
        hosts = Hosts(RollingLimit("pool", limit))
        await hosts.change_all(WORKERS)
        assert hosts.most == limit
        assert sorted(hosts.done) == WORKERS

    run(work())


def test_a_host_that_was_not_reached_holds_up_no_other() -> None:
    async def work() -> None:
        hosts = Hosts(RollingLimit("pool", 1), {"w-1": UNREACHED, "w-3": UNREACHED})
        await hosts.change_all(WORKERS)
        assert sorted(hosts.done) == ["w-2", "w-4", "w-5", "w-6"]
        assert hosts.refused == {}

    run(work())


def test_a_change_that_breaks_a_host_stops_there_and_says_why() -> None:
    async def work() -> None:
        hosts = Hosts(RollingLimit("pool", 1), {"w-2": BROKEN})
        await hosts.change_all(WORKERS)
        assert hosts.done == ["w-1"]
        assert sorted(hosts.refused) == ["w-3", "w-4", "w-5", "w-6"]
        assert "w-3" in hosts.refused["w-3"]
        assert "w-2" in hosts.refused["w-3"]

    run(work())


def test_a_broken_host_takes_away_one_turn_of_several() -> None:
    async def work() -> None:
        hosts = Hosts(RollingLimit("pool", 2), {"w-1": BROKEN})
        await hosts.change_all(WORKERS)
        assert sorted(hosts.done) == WORKERS[1:]
        assert hosts.refused == {}

    run(work())


def test_of_a_quorum_nobody_changes_while_one_is_not_reached() -> None:
    async def work() -> None:
        hosts = Hosts(RollingLimit("etcd", 1, strict=True), {"cp-1": UNREACHED})
        await hosts.change_all(["cp-1", "cp-2", "cp-3"])
        assert hosts.done == []
        assert sorted(hosts.refused) == ["cp-2", "cp-3"]

    run(work())


def test_a_creation_that_fails_takes_no_turn() -> None:
    async def work() -> None:
        turns = RollingLimit("pool", 1, strict=True)
        assert await turns.lose(error("w-9", BROKEN, "create")) is False
        hosts = Hosts(turns)
        await hosts.change_all(WORKERS)
        assert sorted(hosts.done) == WORKERS

    run(work())
