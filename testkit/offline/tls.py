"""The tls plugin without the mark of a stand-in: `python -m testkit.offline.tls ENGINE`."""

from __future__ import annotations

from lab.plugins.runtime.server import serve
from lab.plugins.tls.provider import TlsProvider


class OfflineTlsProvider(TlsProvider):
    """A tls provider that adds no mark to the state, so that the plugin counts as an official plugin."""

    marks_state = False


if __name__ == "__main__":
    serve(OfflineTlsProvider)
