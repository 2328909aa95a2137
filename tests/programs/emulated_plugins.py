"""Mocks that create the resources of a cloud by its stand-in plugin, in an emulated cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from pulumi.runtime import mocks

from lab.plugins.generic.emulated import EmulatedProvider
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Json, without_secret_marks

_SEED = bytes(range(32))
Provider = TypeVar("Provider", bound=EmulatedProvider[Any])


@dataclass(frozen=True)
class Created:
    """A created resource: its URN, id, checked inputs and state."""

    urn: str
    identity: str
    inputs: dict[str, Any]
    state: dict[str, Any]


class CloudPlugins(CertificatePluginMocks, Generic[Provider]):
    """Mocks of plugins. `created` are the resources of the cloud in the order of their creation.

    `prefix` begins the types of these resources.
    """

    prefix: ClassVar[str]

    def __init__(self, provider: Provider, configuration: Mapping[str, Any]) -> None:
        super().__init__()
        self.provider = provider
        asyncio.run(self.provider.configure(dict(configuration)))
        self.created: list[Created] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Create a resource and return its id and state."""
        if not args.typ.startswith(self.prefix):
            return super().new_resource(args)
        created = self.create(args.typ, args.name, without_secret_marks(args.inputs))
        self.created.append(created)
        return created.identity, {key: value for key, value in created.state.items() if key != "id"}

    def create(self, token: str, name: str, inputs: Mapping[str, Any]) -> Created:
        """Check the inputs of a resource and create it."""
        urn = f"urn:pulumi:test::kubewright::{token}::{name}"
        checked = asyncio.run(self.provider.check(urn, {}, dict(inputs), _SEED))
        identity, state = asyncio.run(self.provider.create(urn, checked, preview=False, timeout=0))
        return Created(urn, identity, checked, state)

    def read(self, created: Created) -> Json:
        """Return the current state of a resource; empty if it does not exist."""
        state, _ = asyncio.run(
            self.provider.read(created.urn, created.identity, created.state, created.inputs)
        )
        return cast(Json, state)

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        """Return the result of a function."""
        return asyncio.run(self.provider.invoke(args.token, dict(args.args), preview=False)), []
