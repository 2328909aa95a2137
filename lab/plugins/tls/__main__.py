"""`python -m lab.plugins.tls ENGINE`: the plugin's process."""

from lab.plugins.common.serve import serve
from lab.plugins.tls.provider import VERSION, TlsProvider


def main() -> None:
    """Serve until the engine ends."""
    serve(VERSION, TlsProvider)


if __name__ == "__main__":
    main()
