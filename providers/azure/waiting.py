"""The command lines of `providers.azure.wait`: what is waited for, in the words that a preview shows."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Input, Output

from providers.azure.boot import Boot
from providers.cloud.gate import words
from providers.cloud.machine_config import MachineConfig

_MODULE = "providers.azure.wait"
# A machine boots, fetches its binaries and is healthy within minutes. New role assignments may take ten
# minutes to count; the rest is for what is slow or lost.
_MEMBER_SECONDS = 2400
_POOL_SECONDS = 3300
_LEAVE_SECONDS = 900


class Waiting:
    """Command lines for one store. Secrets are in none of them: a digest tells nothing."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._authority = ["--ca-file", boot.endpoints.ca_file] if boot.endpoints.ca_file else []

    def gate(self, unit: MachineConfig, keys: Sequence[str]) -> Output[str]:
        """Waits until all keys' status is the unit's digest."""
        return unit.digest.apply(
            lambda digest: words(_MODULE, *self._common(unit, _MEMBER_SECONDS), "gate", digest, *keys)
        )

    def roll(self, unit: MachineConfig, machine: str, described: Input[str]) -> Output[str]:
        """Waits until the machine of that id that is there now has reported all of its roles.

        `described` changes whenever Azure replaces the machine, also where its digest stays: only then is
        the command run again, and the next machine kept waiting.
        """
        keys = [unit.status(role) for role in unit.roles]
        return Output.all(unit.digest, described).apply(
            lambda known: words(
                _MODULE,
                *self._common(unit, _MEMBER_SECONDS),
                *("--described", known[1], "roll", machine, known[0], *keys),
            )
        )

    def pool(self, unit: MachineConfig, role: str, sets: Sequence[str], described: Input[str]) -> Output[str]:
        """Waits for all nodes of a pool's scale sets; again whenever what `described` is of changes."""
        return Output.all(unit.digest, described).apply(
            lambda known: words(
                _MODULE,
                *self._common(unit, _POOL_SECONDS),
                *("--described", known[1], "pool", known[0], unit.status_prefix, role, *sets),
            )
        )

    def leave(self, unit: MachineConfig) -> str:
        """Tells a member to leave for good."""
        objects = self._boot.reads(unit.kind, unit.name)
        common = self._common(unit, _LEAVE_SECONDS)
        return words(_MODULE, *common, "leave", objects, unit.leave, unit.left)

    def _common(self, unit: MachineConfig, seconds: int) -> list[str]:
        statuses = self._boot.writes(unit.kind, unit.name)
        return ["--statuses", statuses, "--seconds", str(seconds), *self._authority]
