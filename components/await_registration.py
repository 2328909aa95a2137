"""Waiting for a program's many resources at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pulumi import Resource


async def await_registration(resources: Iterable[Resource]) -> None:
    """Returns once the engine knows all of these resources, or one of them cannot be.

    For `pulumi.run`. The SDK (3.259, `wait_for_rpcs`) waits for every output of a program that is still
    to come, anew after each one that has: with the outputs of a thousand hosts that was half of a preview's
    time, and with five thousand it would be nearly all. Here they come first; it then has few left to wait
    for. What went wrong is for the SDK to say.
    """
    known = [asyncio.ensure_future(resource.urn.future()) for resource in resources]
    for each in known:
        # Looked at, so that asyncio prints nothing of its own about one that failed.
        each.add_done_callback(lambda done: done.cancelled() or done.exception())
    if known:
        await asyncio.wait(known, return_when=asyncio.FIRST_EXCEPTION)
