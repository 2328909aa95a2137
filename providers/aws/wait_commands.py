"""Command lines of `providers.aws.wait`: previews show them when the state to wait for changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi import Input, Output

from providers.cloud.gate import command_line, limit_with_drain
from providers.cloud.machine_config import MachineConfig
from settings.aws import AwsSettings

_MODULE = f"{__package__}.wait"
# Seconds without progress. A machine boots, downloads binaries and is healthy within minutes; the rest is a
# margin for slow machines.
_MEMBER_SECONDS = 2400
# After the drain of an old machine. AWS terminates a new machine that is not healthy after 30 minutes.
_POOL_SECONDS = 2700
# After the drain of the old machine. The command resource has a timeout of 60 minutes.
_REPLACEMENT_SECONDS = 2100
_LEAVE_SECONDS = 600


class WaitCommands:
    """Command lines of `providers.aws.wait` for the machines of one store. They contain no secret."""

    def __init__(self, settings: AwsSettings, bucket: Output[str]) -> None:
        self._bucket = bucket
        endpoints = settings.endpoints
        flags = {
            "--s3": endpoints.s3,
            "--autoscaling": endpoints.autoscaling,
            "--ca-file": endpoints.ca_file or "",
        }
        self._common = ["--region", settings.region]
        self._common += [word for flag, value in flags.items() if value for word in (flag, value)]

    def gate(self, keys: Sequence[str], digest: Input[str]) -> Output[str]:
        """Return the command line that waits until the status under each key in the store is the expected
        digest.
        """
        return self._command_line(_MEMBER_SECONDS, [("--digest", digest)], ["gate", *keys])

    def publish(self, config: MachineConfig) -> Output[str]:
        """Return the command line that copies the objects of a machine config to keys with its digest."""
        return self._command_line(
            0, [("--digest", config.digest)], ["publish", f"{config.kind}/{config.name}", *config.roles]
        )

    def roll(
        self,
        group: Input[str],
        version: Input[str],
        keys: Sequence[str],
        digest: Input[str],
        *,
        objects: str,
        drain_seconds: int,
        other_members: Mapping[str, Sequence[str]],
    ) -> Output[str]:
        """Return the command line that replaces the machine of a member and waits until it is healthy.

        `objects` is the prefix of the member's objects in the store. `other_members` are status keys by Auto
        Scaling group: these members must be healthy before the start.
        """
        flags: list[tuple[str, Input[str]]] = [("--digest", digest), ("--version", version)]
        flags += [("--objects", objects)]
        flags += [
            ("--beside", f"{other}={','.join(other_keys)}") for other, other_keys in other_members.items()
        ]
        return self._command_line(
            limit_with_drain(drain_seconds, _REPLACEMENT_SECONDS), flags, ["roll", group, *keys]
        )

    def pool(
        self,
        groups: Sequence[Input[str]],
        version: Input[str],
        config: MachineConfig,
        role: str,
    ) -> Output[str]:
        """Return the command line that waits until all machines of a pool are healthy and up to date.

        `groups` are the names of its Auto Scaling groups.
        """
        flags: list[tuple[str, Input[str]]] = [("--digest", config.digest), ("--version", version)]
        flags += [("--objects", f"{config.kind}/{config.name}")]
        seconds = config.drain_seconds + _POOL_SECONDS
        return self._command_line(seconds, flags, ["pool", config.status_prefix, role, *groups])

    def leave(self, group: Input[str], leave_key: str, left_key: str, *, drain_seconds: int) -> Output[str]:
        """Return the command line that makes a member leave the cluster permanently and waits for it."""
        return self._command_line(
            limit_with_drain(drain_seconds, _LEAVE_SECONDS), [], ["leave", group, leave_key, left_key]
        )

    def _command_line(
        self, seconds: int, flags: Sequence[tuple[str, Input[str]]], command: Sequence[Input[str]]
    ) -> Output[str]:
        words: list[Input[str]] = ["--bucket", self._bucket, "--seconds", str(seconds)]
        words += [word for flag, value in flags for word in (flag, value)]
        resolved = Output.all(*self._common, *words, *command)
        line: Output[str] = resolved.apply(lambda values: command_line(_MODULE, *map(str, values)))
        return line
