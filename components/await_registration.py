"""Wait for many resources of a program together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pulumi import Resource


async def await_registration(resources: Iterable[Resource]) -> None:
    """Wait until the engine has registered all of these resources, or until one of them fails.

    For `pulumi.run`. After every resolved output the SDK (3.259, `wait_for_rpcs`) waits for all pending
    outputs again: with the outputs of a thousand hosts this took half of a preview, and with five thousand
    nearly all of it. Waiting here first leaves few outputs for the SDK, which reports errors.
    """
    urns = [asyncio.ensure_future(resource.urn.future()) for resource in resources]
    for urn in urns:
        # Reading the exception keeps asyncio from printing it.
        urn.add_done_callback(lambda future: future.cancelled() or future.exception())
    if urns:
        await asyncio.wait(urns, return_when=asyncio.FIRST_EXCEPTION)
