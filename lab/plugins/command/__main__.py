"""`python -m lab.plugins.command ENGINE`: the plugin's process."""

from lab.plugins.command.provider import VERSION, CommandProvider
from lab.plugins.common.serve import serve


def main() -> None:
    """Serve until the engine ends."""
    serve(VERSION, CommandProvider)


if __name__ == "__main__":
    main()
