"""Wait until the engine has registered a large number of resources."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pulumi import Resource


async def await_registration(resources: Iterable[Resource]) -> None:
    """Wait until the engine has registered all of these resources, or until one of them fails.

    Use this before the end of `pulumi.run`. After every resolved output the SDK (3.259, `wait_for_rpcs`)
    waits again for all pending outputs. For a thousand hosts this takes half of the time of a preview, for
    five thousand hosts nearly all of the time. If the program first waits in this function, only few outputs
    are pending. The SDK reports failed registrations.
    """
    urns = [asyncio.ensure_future(resource.urn.future()) for resource in resources]
    for urn in urns:
        # Reading the exception keeps asyncio from printing it.
        urn.add_done_callback(lambda future: future.cancelled() or future.exception())
    if urns:
        await asyncio.wait(urns, return_when=asyncio.FIRST_EXCEPTION)
