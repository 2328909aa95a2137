"""Command lines of `providers.azure.wait`: previews show them when the state to wait for changes."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Input, Output

from providers.azure.boot import BootPrograms
from providers.cloud.gate import command_line, limit_with_drain
from providers.cloud.machine_config import MachineConfig

_MODULE = f"{__package__}.wait"
# Seconds without progress. A machine boots, downloads binaries and is healthy within minutes; the rest is a
# margin for slow machines. New role assignments can take ten minutes to become effective.
_MEMBER_SECONDS = 2400
# After the drain of an old machine.
_POOL_SECONDS = 2700
_LEAVE_SECONDS = 600


class WaitCommands:
    """Command lines of `providers.azure.wait` for the machines of one store. They contain no secret."""

    def __init__(self, boot: BootPrograms) -> None:
        self._boot = boot
        endpoints = boot.endpoints
        self._flags = ["--ca-file", endpoints.ca_file] if endpoints.ca_file else []
        self._flags += ["--management", endpoints.management] if endpoints.management else []

    def gate(self, config: MachineConfig, keys: Sequence[str]) -> Output[str]:
        """Return the command line that waits until the status under each key in the store is the expected
        digest.
        """
        return config.digest.apply(
            lambda digest: command_line(
                _MODULE, *self._common_arguments(config, _MEMBER_SECONDS), "gate", digest, *keys
            )
        )

    def publish(self, config: MachineConfig) -> Output[str]:
        """Return the command line that copies the objects of a machine config to keys with its digest."""
        container, prefix = self._objects(config)
        return config.digest.apply(
            lambda digest: command_line(
                _MODULE,
                *self._common_arguments(config, 0),
                *("publish", digest, container, prefix, *config.roles),
            )
        )

    def roll(self, config: MachineConfig, machine: str, machine_digest: Input[str]) -> Output[str]:
        """Return the command line that waits until the current machine with this id is healthy in all roles.

        `machine_digest` is part of the command line and changes whenever Azure replaces the machine. The
        changed command runs again, and the replacement of the next member waits for it.
        """
        keys = [config.status_key(role) for role in config.roles]
        return Output.all(config.digest, machine_digest).apply(
            lambda digests: command_line(
                _MODULE,
                *self._common_arguments(config, _MEMBER_SECONDS),
                *("--described", digests[1], "--old-objects", *self._objects(config)),
                *("roll", machine, digests[0], *keys),
            )
        )

    def pool(
        self, config: MachineConfig, role: str, sets: Sequence[str], machine_digest: Input[str]
    ) -> Output[str]:
        """Return the command line that waits for all nodes of a pool. `sets` are the ids of its scale sets.

        The command runs again whenever `machine_digest` changes.
        """
        return Output.all(config.digest, machine_digest).apply(
            lambda digests: command_line(
                _MODULE,
                *self._common_arguments(config, config.drain_seconds + _POOL_SECONDS),
                *("--described", digests[1], "--old-objects", *self._objects(config)),
                *("pool", digests[0], config.status_prefix, role, *sets),
            )
        )

    def leave(self, config: MachineConfig, machine: str) -> str:
        """Return the command line that makes a member leave the cluster permanently and waits for it.

        `machine` is the id of its machine.
        """
        container, _ = self._objects(config)
        common = self._common_arguments(config, limit_with_drain(config.drain_seconds, _LEAVE_SECONDS))
        return command_line(
            _MODULE, *common, "--machine", machine, "leave", container, config.leave_key, config.left_key
        )

    def _objects(self, config: MachineConfig) -> tuple[str, str]:
        """Return the URL of the container that has the objects of a machine config, and their prefix."""
        return self._boot.read_url(config.kind, config.name), f"{config.kind}/{config.name}"

    def _common_arguments(self, config: MachineConfig, seconds: int) -> list[str]:
        statuses = self._boot.status_url(config.kind, config.name)
        cloud = self._boot.names.program_arguments
        return ["--statuses", statuses, "--seconds", str(seconds), *cloud, *self._flags]
