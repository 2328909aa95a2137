"""Entry point of the stand-in plugin `command`: `python -m lab.plugins.command ENGINE_ADDRESS`."""

from lab.plugins.command.provider import CommandProvider
from lab.plugins.runtime.server import serve

if __name__ == "__main__":
    serve(CommandProvider)
