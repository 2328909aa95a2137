"""Entry point of the stand-in plugin `tls`: `python -m lab.plugins.tls ENGINE_ADDRESS`."""

from lab.plugins.runtime.server import serve
from lab.plugins.tls.provider import TlsProvider

if __name__ == "__main__":
    serve(TlsProvider)
