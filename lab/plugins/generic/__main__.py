"""Entry point of the generic stand-in: `python -m lab.plugins.generic --package=NAME ENGINE_ADDRESS`."""

import sys

from lab.plugins.generic.packages import PACKAGES
from lab.plugins.generic.provider import GenericProvider
from lab.plugins.generic.server import GenericServicer
from lab.plugins.runtime.server import serve

_OPTION = "--package="


def main() -> None:
    """Serve the provider of the package in the option `--package` until the engine ends."""
    names = [argument.removeprefix(_OPTION) for argument in sys.argv[1:] if argument.startswith(_OPTION)]
    if len(names) != 1 or names[0] not in PACKAGES:
        sys.exit(f"give one option {_OPTION}NAME; NAME is one of {', '.join(PACKAGES)}")
    package = PACKAGES[names[0]]
    serve(lambda _: GenericProvider(package), GenericServicer)


if __name__ == "__main__":
    main()
