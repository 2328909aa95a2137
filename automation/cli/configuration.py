"""Commands that edit a stack file: `config set`, `config rm`, `secrets-provider`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from automation.cli.options import Stack, StackFile
from automation.engine.edit import change_secrets_provider, edit_stack_file
from automation.engine.interrupts import run_one
from automation.environment import environment
from automation.errors import UserError
from automation.stack_file import PASSPHRASE_PROVIDER
from automation.stacks.actions import StackRequest
from settings.problem import CLUSTER_KEY

PANEL = "Change a stack file"
_config = typer.Typer(no_args_is_help=True, help="Set and remove settings of a stack file.")

Setting = Annotated[
    str, typer.Argument(metavar="PATH", help="Path below kubewright:cluster, such as registries.r.password.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_config, name="config", rich_help_panel=PANEL)
    app.command(name="secrets-provider", rich_help_panel=PANEL)(secrets_provider)


@_config.command("set")
def set_setting(
    path: Setting,
    value: Annotated[
        str | None, typer.Argument(help="The value. Default: standard input, or a prompt.")
    ] = None,
    secret: Annotated[bool, typer.Option("--secret", help="Encrypt the value.")] = False,
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Write a setting into the stack file. The comments of the file are kept."""
    text = _read_text(f"Value of {path}", hide=secret) if value is None else value
    if not text:
        raise UserError(f"{path}: the value is empty; give the value as an argument or on standard input")
    kind = "--secret" if secret else "--plaintext"
    _edit_config(stack, file, ["set", "--path", kind, engine_path(path)], text)


@_config.command("rm")
def remove_setting(path: Setting, stack: Stack = "dev", file: StackFile = None) -> None:
    """Remove a setting from the stack file."""
    _edit_config(stack, file, ["rm", "--path", engine_path(path)], "")


def secrets_provider(
    provider: Annotated[
        str,
        typer.Argument(help="`passphrase`, or the URL of a key, such as hashivault://KEY."),
    ],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Encrypt the secrets of a stack again, with another key or passphrase."""
    passphrase = ""
    if provider == PASSPHRASE_PROVIDER:
        passphrase = _read_text("New passphrase", hide=True)
        if not passphrase.strip():
            raise UserError("secrets-provider: the new passphrase is empty; give it on standard input")
    request = StackRequest(environment=environment(), stack=stack, file=file)
    if code := run_one(lambda: change_secrets_provider(request.prepare_editor(), provider, passphrase)):
        raise typer.Exit(code)
    if passphrase:
        print("from now on, set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE for this stack")


def engine_path(path: str) -> str:
    """Return the path for the engine. Add `kubewright:cluster`, unless the path begins with another key."""
    return path if ":" in path.split(".")[0].split("[")[0] else f"{CLUSTER_KEY}.{path}"


def _edit_config(stack: str, file: StackFile, arguments: list[str], value: str) -> None:
    request = StackRequest(environment=environment(), stack=stack, file=file)
    if code := run_one(lambda: edit_stack_file(request.prepare_editor(), "config", arguments, value)):
        raise typer.Exit(code)


def _read_text(prompt: str, *, hide: bool) -> str:
    """Return the text of standard input. If standard input is a terminal, prompt for the text."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=hide, confirmation_prompt=hide, err=True))
    return sys.stdin.read().removesuffix("\n")
