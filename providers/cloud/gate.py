"""Health gates: commands on the deployer's machine that wait for machines in a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from types import MappingProxyType

from pulumi import CustomTimeouts, Input, Output, ResourceOptions
from pulumi_command.local import Command, Logging

_MINUTES = 60
_MAX_WAIT_SECONDS = 3500
"""Maximum time limit of a `wait` program, so that the program reports the reason before the gate ends."""
NO_OPERATION = ":"
"""The text of a command that does nothing."""
_NODE_MINUTES = 10
"""Minutes in which a node is replaced, without its drain. The command stops earlier when there is no
progress.
"""


def pool_minutes(max_size: int, max_unavailable: int, drain_seconds: int) -> int:
    """Return the time limit in minutes for the replacement of all nodes of a pool, `max_unavailable` at a
    time.
    """
    batches = -(-max_size // max_unavailable)
    return _MINUTES + batches * (_NODE_MINUTES + -(-drain_seconds // 60))


def limit_with_drain(drain_seconds: int, seconds: int) -> int:
    """Return the time limit in seconds for a drain and `seconds`; less than the time limit of a gate."""
    return min(_MAX_WAIT_SECONDS, drain_seconds + seconds)


def command_line(module: str, *arguments: str) -> str:
    """Return the command line that runs a module of this project, for example `providers.<cloud>.wait`.

    The command runs in the directory of the program, with the deployer's own credentials for the cloud.
    """
    return " ".join(("exec python3 -m", module, *map(quote, arguments)))


def create_gate(
    name: str,
    create: Input[str],
    opts: ResourceOptions,
    *,
    update: Input[str] | None = None,
    delete: Input[str] | None = None,
    preview_text: str = "",
    variables: Mapping[str, str] = MappingProxyType({}),
    minutes: int = _MINUTES,
) -> Command:
    """Create a command that ends when its condition is met: a health gate for the resources that depend on
    it.

    `create`, `update` and `delete` are the command lines for these operations. Without `update` an update
    runs `create` again. `preview_text` is shown in previews, for clouds where no other resource shows the
    lines of a bundle. `variables` are environment variables of the commands, which previews show too.
    `minutes` is the time limit of each operation.
    """
    limit = f"{minutes}m"
    environment = {**variables, **({"BECOMES": preview_text} if preview_text else {})}
    timeouts = CustomTimeouts(create=limit, update=limit, delete=limit)
    return Command(
        name,
        create=create,
        update=update,
        delete=delete,
        # `triggers` is not used, because a changed trigger replaces the command.
        environment=environment or None,
        # The driver shows the notices on standard error (formats.notices).
        logging=Logging.STDERR,
        add_previous_output_in_env=False,
        opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=timeouts)),
    )


def create_rollout(
    name: str,
    update: Output[str],
    opts: ResourceOptions,
    *,
    delete: Input[str] | None = None,
) -> Command:
    """Create a command that does nothing when it is created, and runs `update` when the text of `update`
    changes.

    New machines start in parallel, while `depends_on` between these commands changes existing machines one by
    one.
    """
    return create_gate(name, NO_OPERATION, opts, update=update, delete=delete)
