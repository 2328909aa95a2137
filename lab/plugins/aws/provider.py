"""The provider of the stand-in for AWS: resources of a lab stack exist in the lab's emulated AWS.

Without an emulated account the provider supports only previews, as the generic stand-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from lab.plugins.aws.account import Account, Missing, is_emulated
from lab.plugins.aws.catalogue import KINDS
from lab.plugins.aws.functions import FUNCTIONS
from lab.plugins.aws.kinds import ResourceKind
from lab.plugins.generic.packages import PACKAGES
from lab.plugins.generic.provider import GenericProvider
from lab.plugins.runtime.diff import compare, top_level
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import Properties, has_unknown, reveal

_DEFAULTS = "__defaults"
_Result = TypeVar("_Result")


class AwsProvider(GenericProvider):
    """Provider for the resource types in `catalogue`. `environment` are the environment variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(PACKAGES["aws"])
        self._environment = environment
        self._account: Account | None = None

    async def configure(self, args: Properties) -> None:
        """Store the provider settings, and connect to the emulated account if there is one."""
        await super().configure(args)
        if is_emulated(self._environment):
            self._account = Account(str(reveal(self._settings).get("region", "")), self._environment)

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create a resource. Return its id and state."""
        if preview or self._account is None:
            return await super().create(urn, inputs, preview=preview, timeout=timeout)
        kind, account, plain = _kind(urn), self._account, reveal(inputs)

        def create() -> tuple[str, Properties]:
            identity = kind.create(account, plain)
            return identity, {"id": identity} | kind.describe(account, identity, plain)

        identity, outputs = await _in_thread(create)
        return identity, self._state(urn, inputs, outputs)

    async def update(
        self,
        urn: str,
        state: Properties,
        olds: Properties,
        news: Properties,
        *,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Change a resource in place. Return its new state."""
        if preview or self._account is None:
            return await super().update(urn, state, olds, news, preview=preview, timeout=timeout)
        kind, account, plain = _kind(urn), self._account, reveal(news)
        changed = frozenset(top_level(path) for path in compare(reveal(olds), plain, lambda _: False)) - {
            _DEFAULTS
        }
        if unsupported := changed - set(kind.in_place):
            raise PluginError(
                f"{resource_type(urn)}: the emulation cannot change {', '.join(sorted(unsupported))} in place"
            )

        def update() -> Properties:
            identity = kind.update(account, str(state.get("id") or ""), plain, changed)
            return {"id": identity} | kind.describe(account, identity, plain)

        return self._state(urn, news, await _in_thread(update))

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Return the state with current outputs, and the inputs; both empty for a missing resource.

        Changes of inputs by others are not found. Raise PluginError for an import, which has no inputs.
        """
        if self._account is None or not inputs:
            return await super().read(urn, identity, state, inputs)
        kind, account, plain = _kind(urn), self._account, reveal(inputs)
        current = str(state.get("id") or identity)
        try:
            outputs = await _in_thread(lambda: kind.describe(account, current, plain))
        except Missing:
            return {}, {}
        return self._state(urn, inputs, {"id": current} | outputs), inputs

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Delete a resource. A missing resource is no error."""
        if self._account is None:
            await super().delete(urn, identity, state, timeout=timeout)
            return
        kind, account, plain = _kind(urn), self._account, reveal(state)
        current = str(plain.get("id") or identity)
        try:
            await _in_thread(lambda: kind.delete(account, current, plain))
        except Missing:
            return

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Return the result of a function. Raise PluginError for a function that the emulation lacks."""
        if self._account is None or has_unknown(args):
            return await super().invoke(token, args, preview=preview)
        if token not in FUNCTIONS:
            raise PluginError(f"{token}: the emulation has only {', '.join(sorted(FUNCTIONS))}")
        account, function = self._account, FUNCTIONS[token]
        return await _in_thread(lambda: function(account, reveal(args)))

    def _state(self, urn: str, inputs: Properties, outputs: Properties) -> Properties:
        """Return the state: inputs, generated outputs, and outputs that follow from both."""
        state = self._inputs_as_outputs(inputs) | outputs
        return state | self._derived_outputs(self._resource_type(urn), state)


def _kind(urn: str) -> ResourceKind:
    token = resource_type(urn)
    if token not in KINDS:
        raise PluginError(
            f"{token} {resource_name(urn)}: the emulation has no such resource type; "
            "add it to lab/plugins/aws/catalogue.py"
        )
    return KINDS[token]


async def _in_thread(operation: Callable[[], _Result]) -> _Result:
    """Run calls of the API in a thread, because boto3 blocks."""
    return await asyncio.to_thread(operation)
