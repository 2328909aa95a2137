"""The provider of stand-ins for clouds: resources of a lab stack exist in the lab's emulated cloud.

Without an emulated cloud the provider supports only previews, as the generic stand-in.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from lab.plugins.generic.packages import PACKAGES
from lab.plugins.generic.provider import GenericProvider
from lab.plugins.runtime.diff import compare, top_level
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import Properties, has_unknown, reveal

_DEFAULTS = "__defaults"
_Result = TypeVar("_Result")
A = TypeVar("A")


class Missing(PluginError):
    """The error for a call on a resource that does not exist."""


class EmulatedKind(ABC, Generic[A]):
    """A resource type. Inputs and outputs have the names of the Pulumi package, in camelCase.

    `A` is the class of the connection to the emulated cloud. `in_place` are the inputs that `update` can
    change. `describe` returns the generated outputs of an existing resource.
    """

    in_place: tuple[str, ...] = ()

    @abstractmethod
    def create(self, account: A, inputs: Properties) -> str:
        """Create a resource and return its id."""

    @abstractmethod
    def describe(self, account: A, identity: str, inputs: Properties) -> Properties:
        """Return the generated outputs of a resource. Raise Missing if the resource does not exist."""

    def current_inputs(self, account: A, identity: str, inputs: Properties) -> Properties:
        """Return the inputs with the values that others have changed, as far as the emulation finds them."""
        return inputs

    def update(self, account: A, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change a resource to its new inputs. Return its id. `changed` are the names of changed inputs."""
        raise PluginError(f"the emulation cannot change {', '.join(sorted(changed))} in place")

    @abstractmethod
    def delete(self, account: A, identity: str, state: Properties) -> None:
        """Delete a resource. Raise Missing if the resource does not exist."""


@dataclass(frozen=True, kw_only=True)
class Emulation(Generic[A]):
    """An emulated cloud: the name of its package, its resource types and functions by token, and their file.

    `connect` returns the connection for the settings of the provider; None without an emulated cloud.
    """

    package: str
    catalogue: str
    kinds: Mapping[str, EmulatedKind[A]]
    functions: Mapping[str, Callable[[A, Properties], Properties]]
    connect: Callable[[Properties], A | None]


class EmulatedProvider(GenericProvider, Generic[A]):
    """Provider for the resource types of an emulation."""

    def __init__(self, emulation: Emulation[A]) -> None:
        super().__init__(PACKAGES[emulation.package])
        self._emulation = emulation
        self._account: A | None = None

    async def configure(self, args: Properties) -> None:
        """Store the provider settings, and connect to the emulated cloud if there is one."""
        await super().configure(args)
        self._account = self._emulation.connect(reveal(self._settings))

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create a resource. Return its id and state."""
        if preview or self._account is None:
            return await super().create(urn, inputs, preview=preview, timeout=timeout)
        kind, account, plain = self._kind(urn), self._account, reveal(inputs)

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
        kind, account, plain = self._kind(urn), self._account, reveal(news)
        changed = frozenset(top_level(path) for path in compare(reveal(olds), plain, lambda _: False)) - {
            _DEFAULTS
        }
        if kind.in_place and (unsupported := changed - set(kind.in_place)):
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

        Raise PluginError for an import, which has no inputs.
        """
        if self._account is None or not inputs:
            return await super().read(urn, identity, state, inputs)
        kind, account, plain = self._kind(urn), self._account, reveal(inputs)
        id = str(state.get("id") or identity)
        try:
            outputs = await _in_thread(lambda: kind.describe(account, id, plain))
            current = await _in_thread(lambda: kind.current_inputs(account, id, inputs))
        except Missing:
            return {}, {}
        return self._state(urn, current, {"id": id} | outputs), current

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Delete a resource. A missing resource is no error."""
        if self._account is None:
            await super().delete(urn, identity, state, timeout=timeout)
            return
        kind, account, plain = self._kind(urn), self._account, reveal(state)
        id = str(plain.get("id") or identity)
        try:
            await _in_thread(lambda: kind.delete(account, id, plain))
        except Missing:
            return

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Return the result of a function. Raise PluginError for a function that the emulation lacks."""
        if self._account is None or has_unknown(args):
            return await super().invoke(token, args, preview=preview)
        functions = self._emulation.functions
        if token not in functions:
            raise PluginError(f"{token}: the emulation has only {', '.join(sorted(functions))}")
        account, function = self._account, functions[token]
        return await _in_thread(lambda: function(account, reveal(args)))

    def _state(self, urn: str, inputs: Properties, outputs: Properties) -> Properties:
        """Return the state: inputs, generated outputs, and outputs that follow from both."""
        state = self._inputs_as_outputs(inputs) | outputs
        return state | self._derived_outputs(self._resource_type(urn), state)

    def _kind(self, urn: str) -> EmulatedKind[A]:
        token = resource_type(urn)
        if token not in self._emulation.kinds:
            raise PluginError(
                f"{token} {resource_name(urn)}: the emulation has no such resource type; "
                f"add it to {self._emulation.catalogue}"
            )
        return self._emulation.kinds[token]


async def _in_thread(operation: Callable[[], _Result]) -> _Result:
    """Run calls of the API in a thread, because its client blocks."""
    return await asyncio.to_thread(operation)
