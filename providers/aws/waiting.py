"""The command lines of `providers.aws.wait`: what is waited for, in the words that a preview shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi import Input, Output

from providers.cloud.gate import words
from settings.aws import AwsSettings

_MODULE = "providers.aws.wait"
# A machine boots, fetches its binaries and is healthy within minutes; the rest is for what is slow or lost.
_MEMBER_SECONDS = 2400
_POOL_SECONDS = 3300
# Beside its drain, which comes first. What runs the command gives it 60 minutes.
_ROLL_SECONDS = 2100
_LEAVE_SECONDS = 600
_MOST_SECONDS = 3500


class Waiting:
    """Command lines for one store. Secrets are in none of them: a digest tells nothing."""

    def __init__(self, cloud: AwsSettings, bucket: Output[str]) -> None:
        self._bucket = bucket
        at = cloud.endpoints
        private = {"--s3": at.s3, "--autoscaling": at.autoscaling, "--ca-file": at.ca_file or ""}
        self._common = ["--region", cloud.region]
        self._common += [word for flag, value in private.items() if value for word in (flag, value)]

    def gate(self, keys: Sequence[str], digest: Input[str]) -> Output[str]:
        """Waits until all keys' status is the digest."""
        return self._words(_MEMBER_SECONDS, [("--digest", digest)], ["gate", *keys])

    def roll(
        self,
        group: Input[str],
        version: Input[str],
        keys: Sequence[str],
        digest: Input[str],
        *,
        drain_seconds: int,
        beside: Mapping[str, Sequence[str]],
    ) -> Output[str]:
        """Replaces a group's one machine and waits for it.

        `beside` are the groups, and the status' keys, of those that must be well while it is away.
        """
        named: list[tuple[str, Input[str]]] = [("--digest", digest), ("--version", version)]
        named += [("--beside", f"{other}={','.join(its)}") for other, its in beside.items()]
        return self._words(_after(drain_seconds, _ROLL_SECONDS), named, ["roll", group, *keys])

    def pool(
        self, group: Input[str], version: Input[str], prefix: str, role: str, digest: Input[str]
    ) -> Output[str]:
        """Waits for all machines of a pool."""
        named = [("--digest", digest), ("--version", version)]
        return self._words(_POOL_SECONDS, named, ["pool", group, prefix, role])

    def leave(self, group: Input[str], key: str, left: str, *, drain_seconds: int) -> Output[str]:
        """Tells a member to leave for good."""
        return self._words(_after(drain_seconds, _LEAVE_SECONDS), [], ["leave", group, key, left])

    def _words(
        self, seconds: int, named: Sequence[tuple[str, Input[str]]], command: Sequence[Input[str]]
    ) -> Output[str]:
        flags: list[Input[str]] = ["--bucket", self._bucket, "--seconds", str(seconds)]
        flags += [word for flag, value in named for word in (flag, value)]
        resolved = Output.all(*self._common, *flags, *command)
        line: Output[str] = resolved.apply(lambda known: words(_MODULE, *map(str, known)))
        return line


def _after(drain_seconds: int, seconds: int) -> int:
    return min(_MOST_SECONDS, drain_seconds + seconds)
