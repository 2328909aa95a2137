"""`python -m testkit.offline.command ENGINE`: the command plugin, every command taken as done."""

from __future__ import annotations

import asyncio
import os

from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.command.provider import VERSION, CommandProvider
from lab.plugins.common.errors import ProviderError
from lab.plugins.common.serve import serve
from lab.plugins.common.values import Properties

FAIL = "KUBEWRIGHT_OFFLINE_FAIL"
"""A variable `<resource's name>=<text>`: that command fails with the text, for tests of errors."""


SLOW = "KUBEWRIGHT_OFFLINE_SLOW"
"""A variable `<resource's name>=<seconds>`: that command takes so long, for tests of interrupts."""


class Offline(CommandProvider):
    """Nothing runs; the output is empty."""

    async def _apply(
        self, kind: str, urn: str, properties: Properties, previous: Properties, step: str
    ) -> Properties:
        name, _, text = os.environ.get(FAIL, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            raise ProviderError(text)
        name, _, seconds = os.environ.get(SLOW, "").partition("=")
        if name and urn.endswith(f"::{name}"):
            await asyncio.sleep(float(seconds))
        return {"stdout": PropertyValue(""), "stderr": PropertyValue("")}


if __name__ == "__main__":
    serve(VERSION, Offline)
