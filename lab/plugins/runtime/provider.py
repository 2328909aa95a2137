"""The interface of a stand-in provider, which the server calls for each request of the engine."""

from __future__ import annotations

from lab.plugins.runtime.diff import Diff, compare
from lab.plugins.runtime.values import Properties


class Provider:
    """A provider without resources; subclasses override the operations that they support.

    Operations raise `PluginError` with a text for the user.
    """

    name: str
    version: str
    """The version of the official plugin that the provider replaces."""
    accepts_resources = False
    """Whether inputs may contain references to resources."""
    enforces_timeouts = False
    """Whether the provider itself ends operations after `cancel` and after their timeout."""
    marks_state = True
    """Whether the provider adds the mark of a stand-in to the state."""

    async def check_config(self, news: Properties) -> Properties:
        """Check and return the inputs of the provider. Raise CheckError for invalid inputs."""
        return news

    async def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """Compare the old and new inputs of the provider itself."""
        return Diff(compare(olds, news, lambda _: False))

    async def configure(self, args: Properties) -> None:
        """Configure the provider with its inputs."""

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs `news` of a resource with defaults. Raise CheckError for invalid inputs.

        `olds` are the inputs of the last deployment. Random names depend only on `seed`.
        """
        raise NotImplementedError(f"the {self.name} plugin has no resources")

    async def diff(
        self, urn: str, state: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Diff:
        """Compare a resource's state and old inputs with its new inputs, except for the paths `ignore`."""
        raise NotImplementedError(f"the {self.name} plugin has no resources")

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create a resource. Return its id and state. `timeout` is in seconds; 0 selects the default."""
        raise NotImplementedError(f"the {self.name} plugin has no resources")

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
        raise NotImplementedError(f"the {self.name} plugin has no resources")

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Return the current state and inputs of a resource; both empty when it no longer exists."""
        raise NotImplementedError(f"the {self.name} plugin cannot read or import resources")

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Delete a resource. A missing resource is no error."""
        raise NotImplementedError(f"the {self.name} plugin has no resources")

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Return the result of a function. Raise CheckError for wrong arguments."""
        raise NotImplementedError(f"the {self.name} plugin has no function {token}")

    async def construct(self, token: str) -> None:
        """Raise NotImplementedError, because stand-ins have no component resources."""
        raise NotImplementedError(f"the stand-in for the {self.name} plugin has no component {token}")

    def cancel(self) -> None:
        """End running operations."""

    def mask_secrets(self, text: str, *properties: Properties) -> str:
        """Return the text of an error with the secrets in `properties` masked."""
        return text
