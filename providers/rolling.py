"""Rolling limits: only a few hosts of a group change at the same time, while new hosts never wait.

A chain of `depends_on` does not distinguish new hosts from changed hosts: five hundred new workers would
join one by one, and one unreachable host would block all hosts after it. Hooks of the engine run only
before and after an *update*, so they do not delay creations.
"""

from __future__ import annotations

import asyncio

from pulumi import ErrorHook, ErrorHookArgs, ResourceHook, ResourceHookArgs, ResourceHookBinding

from providers.ssh_errors import never_reached


class RollingLimit:
    """Slots for the hosts of a group: at most `limit` hosts change at the same time.

    A host whose change failed counts as unavailable and keeps its slot. This includes a host whose connection
    was lost during the change. When failed hosts hold all slots, no other host of the group changes, so that
    a faulty change stops early. An unreachable host was not changed and releases its slot. With `strict`, for
    groups with a quorum, an unreachable host counts as failed.
    """

    def __init__(self, group: str, limit: int, *, strict: bool = False) -> None:
        self._group = group
        self._limit = limit
        self._strict = strict
        self._changing: set[str] = set()
        self._failed: list[str] = []
        self._slots_changed = asyncio.Condition()
        self._hooks: ResourceHookBinding | None = None

    @property
    def hooks(self) -> ResourceHookBinding:
        """The engine hooks for the command of each host of the group.

        The first access registers the hooks.
        """
        if self._hooks is None:
            self._hooks = ResourceHookBinding(
                before_update=[ResourceHook(f"{self._group}-acquire-slot", self.acquire)],
                after_update=[ResourceHook(f"{self._group}-release-slot", self.release)],
                on_error=[ErrorHook(f"{self._group}-record-failure", self.record_failure)],
            )
        return self._hooks

    async def acquire(self, args: ResourceHookArgs) -> None:
        """Wait for a free slot before a host changes. Raise RuntimeError when failed hosts hold all slots."""
        async with self._slots_changed:
            await self._slots_changed.wait_for(
                lambda: self._free_slots > 0 or len(self._failed) >= self._limit
            )
            if len(self._failed) >= self._limit:
                raise RuntimeError(
                    f"{args.name}: not changed, because the change failed on {', '.join(self._failed)}; "
                    "repair these hosts, then run up again"
                )
            self._changing.add(args.urn)

    async def release(self, args: ResourceHookArgs) -> None:
        """Release the slot of a host after its change succeeded."""
        async with self._slots_changed:
            self._changing.discard(args.urn)
            self._slots_changed.notify_all()

    async def record_failure(self, args: ErrorHookArgs) -> bool:
        """Record the failed change of a host. Return False, so that the engine does not retry the change."""
        async with self._slots_changed:
            if args.urn in self._changing:
                self._changing.discard(args.urn)
                if self._strict or not all(map(never_reached, args.errors)):
                    self._failed.append(args.name)
                self._slots_changed.notify_all()
        return False

    @property
    def _free_slots(self) -> int:
        return self._limit - len(self._changing) - len(self._failed)
