"""Options that commands of all kinds have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack: Pulumi.<stack>.yaml.")]
StackFile = Annotated[
    Path | None, typer.Option("--file", help="The stack file, if it is not in this directory.")
]
