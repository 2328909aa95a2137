"""The tls plugin in the place of the official one: `python -m testkit.offline.tls ENGINE`."""

from __future__ import annotations

from lab.plugins.runtime.server import serve
from lab.plugins.tls.provider import TlsProvider


class OfflineTlsProvider(TlsProvider):
    """A tls provider that does not mark the state as a stand-in does."""

    marks_state = False


if __name__ == "__main__":
    serve(OfflineTlsProvider)
