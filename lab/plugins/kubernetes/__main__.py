"""Entry point: `python -m lab.plugins.kubernetes ENGINE_ADDRESS`, as the engine calls plugins."""

from __future__ import annotations

import contextlib
import sys


def main(arguments: list[str]) -> int:
    """Serve until the engine ends; the exit code."""
    if arguments == ["--version"]:
        from lab.plugins.kubernetes.server import VERSION

        print(VERSION)
        return 0
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        print("This is a Pulumi plugin; it is started by the Pulumi engine.", file=sys.stderr)
        return 2
    from lab.plugins.kubernetes.server import serve

    with contextlib.suppress(KeyboardInterrupt):
        serve(addresses[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
