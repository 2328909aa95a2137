"""Rolling changes: of a group of hosts, few change at a time, while new ones never wait.

A chain of `depends_on` cannot tell the two apart: it would make five hundred new workers join one
by one, and a host that cannot be reached hold up those behind it. The engine's hooks can: they run
before and after an *update* alone, so that a creation passes by.
"""

from __future__ import annotations

import asyncio

from pulumi import ErrorHook, ErrorHookArgs, ResourceHook, ResourceHookArgs, ResourceHookBinding

# In the error of a command that ran on its host and failed there; absent when the host was never reached.
_RAN_AND_FAILED = "exited with status"


class RollingLimit:
    """Turns of a group's hosts: at most `limit` of them change at a time.

    A host on which the change failed stays unavailable and keeps its turn; when all turns are lost
    that way the rest of the group is left as it is, so that a bad change stops early. A host that
    was never reached did not suffer by the change and gives its turn back, unless `strict`: then it
    counts as lost too (members of a quorum, where one absent is as many as there may be).
    """

    def __init__(self, group: str, limit: int, *, strict: bool = False) -> None:
        self._group = group
        self._limit = limit
        self._strict = strict
        self._changing: set[str] = set()
        self._failed: list[str] = []
        self._moved = asyncio.Condition()
        self._hooks: ResourceHookBinding | None = None

    @property
    def hooks(self) -> ResourceHookBinding:
        """The hooks for each resource of the group; they are registered on first use."""
        if self._hooks is None:
            self._hooks = ResourceHookBinding(
                before_update=[ResourceHook(f"{self._group}-take-turn", self.take)],
                after_update=[ResourceHook(f"{self._group}-end-turn", self.end)],
                on_error=[ErrorHook(f"{self._group}-lose-turn", self.lose)],
            )
        return self._hooks

    async def take(self, args: ResourceHookArgs) -> None:
        """Waits for a turn. Raises RuntimeError when hosts that failed have used all of them."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._free > 0 or len(self._failed) >= self._limit)
            if len(self._failed) >= self._limit:
                raise RuntimeError(
                    f"{args.name}: left as it is, because the change failed on {', '.join(self._failed)}; "
                    "repair that first, then run up again"
                )
            self._changing.add(args.urn)

    async def end(self, args: ResourceHookArgs) -> None:
        """Gives the turn back after a change that went well."""
        async with self._moved:
            self._changing.discard(args.urn)
            self._moved.notify_all()

    async def lose(self, args: ErrorHookArgs) -> bool:
        """Takes note of a change that failed; never asks for a retry (False)."""
        async with self._moved:
            if args.urn in self._changing:
                self._changing.discard(args.urn)
                if self._strict or any(_RAN_AND_FAILED in error for error in args.errors):
                    self._failed.append(args.name)
                self._moved.notify_all()
        return False

    @property
    def _free(self) -> int:
        return self._limit - len(self._changing) - len(self._failed)
