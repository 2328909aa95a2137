"""Tests of rolling changes with an event loop and without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

import pytest
from pulumi import ErrorHookArgs, ResourceHookArgs

from providers.rolling import RollingLimit

COMMAND_FAILED = 'Process exited with status 1: running "…":\nkubelet is not healthy'
HOST_UNREACHABLE = "after 2 failed attempts: dial tcp 10.89.0.21:22: i/o timeout"
CONNECTION_LOST = (
    'remote command exited without exit status or exit signal: running "…":\ndial tcp 10.89.0.11:6443'
)
"""The error of the official plugin for a connection that ends during the command (`ssh.ExitMissingError`)."""


def hook_args(name: str) -> ResourceHookArgs:
    return ResourceHookArgs(urn=f"urn:{name}", id=name, name=name, type="command:remote:Command")


def error_args(name: str, message: str, operation: str = "update") -> ErrorHookArgs:
    return ErrorHookArgs(
        urn=f"urn:{name}",
        id=name,
        name=name,
        type="command:remote:Command",
        failed_operation=operation,
        errors=[message],
    )


class SimulatedHosts:
    """Hosts that change under a rolling limit. `failing` maps a host name to the error of its change."""

    def __init__(self, limit: RollingLimit, failing: dict[str, str] | None = None) -> None:
        self.limit = limit
        self.failing = failing or {}
        self.changing = 0
        self.max_changing = 0
        self.max_changing_after_failure = 0
        self.changed: list[str] = []
        self.failed: list[str] = []
        self.refused: dict[str, str] = {}

    async def change(self, name: str) -> None:
        try:
            await self.limit.acquire(hook_args(name))
        except RuntimeError as refusal:
            self.refused[name] = str(refusal)
            return
        self.changing += 1
        self.max_changing = max(self.max_changing, self.changing)
        if self.failed:
            self.max_changing_after_failure = max(self.max_changing_after_failure, self.changing)
        await asyncio.sleep(0.001)
        self.changing -= 1
        if name in self.failing:
            self.failed.append(name)
            assert await self.limit.record_failure(error_args(name, self.failing[name])) is False
        else:
            self.changed.append(name)
            await self.limit.release(hook_args(name))

    async def change_all(self, names: Sequence[str]) -> None:
        await asyncio.wait_for(asyncio.gather(*(self.change(name) for name in names)), timeout=5)


def run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)


WORKERS = [f"w-{number}" for number in range(1, 7)]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_all_hosts_change_within_the_limit(limit: int) -> None:
    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("pool", limit))
        await hosts.change_all(WORKERS)
        assert hosts.max_changing == limit
        assert sorted(hosts.changed) == WORKERS

    run(work())


def test_an_unreachable_host_blocks_no_other_host() -> None:
    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("pool", 1), {"w-1": HOST_UNREACHABLE, "w-3": HOST_UNREACHABLE})
        await hosts.change_all(WORKERS)
        assert sorted(hosts.changed) == ["w-2", "w-4", "w-5", "w-6"]
        assert hosts.refused == {}

    run(work())


def test_a_failed_change_stops_the_others_and_names_the_failed_host() -> None:
    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("pool", 1), {"w-2": COMMAND_FAILED})
        await hosts.change_all(WORKERS)
        assert hosts.changed == ["w-1"]
        assert sorted(hosts.refused) == ["w-3", "w-4", "w-5", "w-6"]
        assert "w-3" in hosts.refused["w-3"]
        assert "w-2" in hosts.refused["w-3"]

    run(work())


@pytest.mark.parametrize(
    "error",
    [
        CONNECTION_LOST,
        'the connection was lost: Connection timed out: running "…":\n',
        'Process exited with status 137 from signal KILL: running "…":\n',
        'wait: remote command exited without exit status or exit signal: running "# cp-1 \\"x\\"',
        "rpc error: code = Unavailable desc = error reading from server: EOF",
    ],
)
@pytest.mark.parametrize("limit", [1, 2])
def test_a_lost_connection_during_the_change_stops_the_others(error: str, limit: int) -> None:
    """Test a change that breaks SSH: it must not affect more hosts than the limit."""

    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("pool", limit), dict.fromkeys(WORKERS, error))
        await hosts.change_all(WORKERS)
        assert hosts.changed == []
        assert sorted(hosts.refused) == WORKERS[limit:]

    run(work())


def test_a_failed_host_keeps_one_of_several_slots() -> None:
    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("pool", 2), {"w-1": COMMAND_FAILED})
        await hosts.change_all(WORKERS)
        assert sorted(hosts.changed) == WORKERS[1:]
        assert hosts.refused == {}

    run(work())


@pytest.mark.parametrize(("limit", "failing", "remaining"), [(2, 1, 1), (3, 1, 2), (4, 2, 2), (4, 3, 1)])
def test_failed_and_changing_hosts_together_stay_within_the_limit(
    limit: int, failing: int, remaining: int
) -> None:
    """A failed host is unavailable, so that fewer other hosts may change at the same time."""

    async def work() -> None:
        failures = dict.fromkeys(WORKERS[:failing], COMMAND_FAILED)
        hosts = SimulatedHosts(RollingLimit("pool", limit), failures)
        await hosts.change_all(WORKERS[:failing])
        await hosts.change_all(WORKERS[failing:])
        assert sorted(hosts.changed) == WORKERS[failing:]
        assert hosts.max_changing_after_failure == remaining

    run(work())


def test_an_unreachable_member_stops_changes_of_a_quorum() -> None:
    async def work() -> None:
        hosts = SimulatedHosts(RollingLimit("etcd", 1, strict=True), {"cp-1": HOST_UNREACHABLE})
        await hosts.change_all(["cp-1", "cp-2", "cp-3"])
        assert hosts.changed == []
        assert sorted(hosts.refused) == ["cp-2", "cp-3"]

    run(work())


def test_a_failed_creation_takes_no_slot() -> None:
    async def work() -> None:
        limit = RollingLimit("pool", 1, strict=True)
        assert await limit.record_failure(error_args("w-9", COMMAND_FAILED, "create")) is False
        hosts = SimulatedHosts(limit)
        await hosts.change_all(WORKERS)
        assert sorted(hosts.changed) == WORKERS

    run(work())
