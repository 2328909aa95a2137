"""The command plugin without command execution: `python -m testkit.offline.command ENGINE`."""

from __future__ import annotations

import asyncio
import os

from lab.plugins.command.provider import CommandProvider
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.server import serve
from lab.plugins.runtime.values import Properties

FAIL = "KUBEWRIGHT_OFFLINE_FAIL"
"""Name of the variable `<resource name>=<text>`, which makes the command of the resource fail with the
text.
"""


SLOW = "KUBEWRIGHT_OFFLINE_SLOW"
"""Name of the variable `<resource name>=<seconds>`, which sets the duration of the resource's command."""


class Offline(CommandProvider):
    """A command provider that runs nothing and returns empty output."""

    async def _execute(
        self, token: str, urn: str, properties: Properties, previous: Properties, step: str
    ) -> Properties:
        name, _, text = os.environ.get(FAIL, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            raise PluginError(text)
        name, _, seconds = os.environ.get(SLOW, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            await asyncio.sleep(float(seconds))
        return {"stdout": "", "stderr": ""}


if __name__ == "__main__":
    serve(Offline)
