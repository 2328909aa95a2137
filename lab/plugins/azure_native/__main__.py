"""Entry point of the stand-in for Azure: `python -m lab.plugins.azure_native ENGINE_ADDRESS`."""

from __future__ import annotations

import os

from lab.plugins.azure_native.provider import AzureProvider
from lab.plugins.generic.server import GenericServicer
from lab.plugins.runtime.server import serve


def main() -> None:
    """Serve the provider until the engine ends."""
    serve(lambda _: AzureProvider(os.environ), GenericServicer)


if __name__ == "__main__":
    main()
