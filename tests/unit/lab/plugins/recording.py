"""Mocks that record what the program of a cloud uses of its plugin."""

from __future__ import annotations

from typing import ClassVar

from pulumi.runtime import mocks

from tests.unit.components.graph import Json, PluginMocks


class RecordingMocks(PluginMocks):
    """Mocks that record the types of resources that begin with `prefix`, and all functions.

    They come before the mocks of a cloud in the bases of a class.
    """

    prefix: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.types: set[str] = set()
        self.functions: set[str] = set()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Record the type of a resource."""
        if args.typ.startswith(self.prefix):
            self.types.add(args.typ)
        return super().new_resource(args)

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        """Record the name of a function."""
        self.functions.add(args.token)
        return super().call(args)
