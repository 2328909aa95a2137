"""The command plugin without command execution: `python -m testkit.offline.command ENGINE`."""

from __future__ import annotations

import asyncio
import os

from lab.plugins.command.provider import CommandProvider
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.server import serve
from lab.plugins.runtime.values import Properties

FAIL_VARIABLE = "KUBEWRIGHT_OFFLINE_FAIL"
"""Environment variable with `<resource name>=<text>`: the command of this resource fails with the text."""


SLOW_VARIABLE = "KUBEWRIGHT_OFFLINE_SLOW"
"""Environment variable with `<resource name>=<seconds>`: the duration of the command of this resource."""


class OfflineCommandProvider(CommandProvider):
    """A command provider that runs nothing and returns empty output."""

    marks_state = False

    async def _execute(
        self, token: str, urn: str, properties: Properties, previous: Properties, step: str
    ) -> Properties:
        name, _, text = os.environ.get(FAIL_VARIABLE, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            raise PluginError(text)
        name, _, seconds = os.environ.get(SLOW_VARIABLE, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            await asyncio.sleep(float(seconds))
        return {"stdout": "", "stderr": ""}


if __name__ == "__main__":
    serve(OfflineCommandProvider)
