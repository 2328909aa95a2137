"""Entry point of the stand-in for AWS: `python -m lab.plugins.aws ENGINE_ADDRESS`."""

from __future__ import annotations

import os

from lab.plugins.aws.provider import AwsProvider
from lab.plugins.generic.server import GenericServicer
from lab.plugins.runtime.server import serve


def main() -> None:
    """Serve the provider until the engine ends."""
    serve(lambda _: AwsProvider(os.environ), GenericServicer)


if __name__ == "__main__":
    main()
