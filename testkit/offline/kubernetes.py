"""The kubernetes plugin without a cluster: `python -m testkit.offline.kubernetes ENGINE`."""

from __future__ import annotations

from lab.plugins.kubernetes.provider import KubernetesProvider
from lab.plugins.runtime.server import serve
from lab.plugins.runtime.urns import resource_name
from lab.plugins.runtime.values import Properties


class OfflineKubernetesProvider(KubernetesProvider):
    """A Kubernetes provider that accepts every operation without a request to a cluster."""

    marks_state = False

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Return the inputs as the state."""
        return "" if preview else resource_name(urn), inputs

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
        """Return the new inputs as the state."""
        return news

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Return the state unchanged."""
        return state, inputs

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Do nothing."""


if __name__ == "__main__":
    serve(OfflineKubernetesProvider)
