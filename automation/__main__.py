"""Entry point of `kubewright`, which runs `python -m automation`."""
# ruff: noqa: E402 - imports follow a statement that makes them faster

from __future__ import annotations

import gc

# Modules live until the end of a command. The search for garbage took a quarter of the time of imports.
gc.disable()

import sys

from automation import standard_streams
from automation.cli.app import run
from automation.engine import interrupts


def main() -> None:
    """Run the command and exit with its exit code, even if the terminal or the output pipe was closed."""
    gc.freeze()
    gc.enable()
    standard_streams.survive_broken_pipe()
    code = standard_streams.flush_and_get_exit_code(run())
    interrupts.exit_if_abandoned(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
