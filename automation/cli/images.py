"""Commands for machine images: `image store`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from automation.errors import UserError

PANEL = "Mirror and lab"
_image = typer.Typer(no_args_is_help=True, help="Machine images for clouds (see images/*.pkr.hcl).")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_image, name="image", rich_help_panel=PANEL)


@_image.command()
def store(
    stack: Annotated[Path, typer.Argument(help="The stack file.", metavar="STACKFILE")],
    architecture: Annotated[
        Literal["amd64", "arm64"], typer.Option("--architecture", help="Architecture of the machine image.")
    ] = "amd64",
) -> None:
    """Print the program that downloads a stack's binaries into a machine image."""
    from images.store import store_program_for_stack
    from nodeconfig import BundleError
    from settings import SettingsError

    try:
        print(store_program_for_stack(stack, architecture))
    except (SettingsError, BundleError) as error:
        raise UserError(str(error)) from None
