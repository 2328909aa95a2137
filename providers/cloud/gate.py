"""Resources that wait, on the deployer's machine, for what happens in a cloud."""

from __future__ import annotations

from shlex import quote

from pulumi import CustomTimeouts, Input, Output, ResourceOptions
from pulumi_command.local import Command, Logging

_LIMIT = CustomTimeouts(create="60m", update="60m", delete="60m")
_NOTHING = ":"


def words(module: str, *arguments: str) -> str:
    """The command line that runs a module of this program, such as `providers.aws.wait`.

    It is run in the program's directory, and with the deployer's own credentials for the cloud.
    """
    return " ".join(("exec python3 -m", module, *map(quote, arguments)))


def gate(
    name: str,
    create: Input[str],
    opts: ResourceOptions,
    *,
    update: Input[str] | None = None,
    delete: Input[str] | None = None,
    shown: str = "",
) -> Command:
    """A command that ends when what it waits for is there: depending on it is a health gate.

    `update` is run in the place of `create` when anything changes (None: `create` is). `shown`: what it waits
    for, as text, where no other resource shows its lines in a preview.
    """
    return Command(
        name,
        create=create,
        update=update,
        delete=delete,
        # Not `triggers`: their change would be a replacement.
        environment={"BECOMES": shown} if shown else None,
        # A failure carries the output anyway.
        logging=Logging.NONE,
        add_previous_output_in_env=False,
        opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=_LIMIT)),
    )


def roll(
    name: str,
    change: Output[str],
    opts: ResourceOptions,
    *,
    delete: Input[str] | None = None,
) -> Command:
    """A command that replaces a machine when its words change, and does nothing for a new one.

    New machines thus come up side by side, while `depends_on` makes a chain of those that change.
    """
    return gate(name, _NOTHING, opts, update=change, delete=delete)
