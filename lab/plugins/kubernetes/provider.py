"""The provider of the stand-in plugin `kubernetes`.

Each operation runs in a thread, because the client and helm block.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lab.plugins.runtime.diff import Diff, compare
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.urns import resource_type
from lab.plugins.runtime.values import Properties, has_unknown, secret_strings

from .client import Client
from .functions import invoke
from .helm import Helm, mask_secrets
from .objects import ObjectManager
from .releases import ReleaseManager
from .settings import Settings, inputs_selecting_another_cluster, parse_settings
from .waiting import Waiter

RELEASE = "kubernetes:helm.sh/v3:Release"
# Enough threads for every wait of a large deployment; a waiting thread only sleeps.
_THREADS = 128
Result = TypeVar("Result")


class KubernetesProvider(Provider):
    """Provider of the API objects and Helm releases of one cluster."""

    name = "kubernetes"
    version = "4.34.2"
    accepts_resources = True
    enforces_timeouts = True

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="work")
        self._cancelled = threading.Event()
        self._client_lock = threading.Lock()
        self._cluster: Client | None = None
        self._apply_settings(Settings(problem="the provider is not configured yet"))

    def _apply_settings(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster = None
        helm = Helm(settings.access, settings.helm, self._cancelled)
        self._objects = ObjectManager(settings, self._client, self._waiter, self._log)
        self._releases = ReleaseManager(settings, helm, self._client, self._log)

    def _client(self) -> Client:
        """Return the client of the configured cluster.

        Raises:
            PluginError: the kubeconfig is missing or unusable.
        """
        if self._settings.access is None:
            raise PluginError(
                f"no cluster to work on: {self._settings.problem}; set kubeconfig on the provider"
            )
        with self._client_lock:
            if self._cluster is None:
                self._cluster = Client(self._settings.access)
            return self._cluster

    def _waiter(self) -> Waiter:
        return Waiter(self._client(), self._cancelled)

    def _resources_for(self, urn: str) -> ObjectManager | ReleaseManager:
        return self._releases if resource_type(urn) == RELEASE else self._objects

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def cancel(self) -> None:
        """End all operations that wait for a cluster."""
        self._cancelled.set()

    def mask_secrets(self, text: str, *properties: Properties) -> str:
        """Return the text of an error with the secrets in `properties` masked, because a server may quote
        them.
        """
        return mask_secrets(
            text, [secret for property_map in properties for secret in secret_strings(property_map)]
        )

    async def check_config(self, news: Properties) -> Properties:
        """Check and return the inputs of the provider. Raise CheckError for invalid inputs."""
        if not has_unknown(news):
            parse_settings(news)
        return news

    async def diff_config(self, olds: Properties, news: Properties) -> Diff:
        """Compare the provider inputs. Inputs that select another cluster replace the provider."""
        moved = inputs_selecting_another_cluster(olds, news)
        return Diff(compare(olds, news, lambda path: path in moved))

    async def configure(self, args: Properties) -> None:
        """Configure the provider with its inputs."""
        self._apply_settings(await self._in_thread(lambda: parse_settings(args)))

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Call a provider function and return its result. Functions need no cluster."""
        return await self._in_thread(lambda: invoke(token, args))

    async def construct(self, token: str) -> None:
        """Raise NotImplementedError for components of the official plugin (yaml/v2, helm.sh/v4,
        kustomize/v2).
        """
        raise NotImplementedError(
            f"{token} is not supported by this stand-in; use helm.sh/v3:Release or typed resources"
        )

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Check the inputs of a resource, and return the inputs with defaults."""
        return await self._in_thread(lambda: self._resources_for(urn).check(urn, olds, news, seed))

    async def diff(
        self, urn: str, state: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Diff:
        """Compare a resource's inputs without a request to the cluster."""
        diff = await self._in_thread(lambda: self._resources_for(urn).diff(urn, olds, news))
        return diff.without(ignore)

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create a resource and wait until it is ready."""
        resources = self._resources_for(urn)
        return await self._in_thread(lambda: resources.create(urn, inputs, timeout=timeout, preview=preview))

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
        """Change a resource in place and wait until it is ready."""
        resources = self._resources_for(urn)
        return await self._in_thread(
            lambda: resources.update(urn, state, olds, news, timeout=timeout, preview=preview)
        )

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Read a resource from the cluster."""
        return await self._in_thread(lambda: self._resources_for(urn).read(urn, identity, state, inputs))

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Delete a resource."""
        resources = self._resources_for(urn)
        await self._in_thread(lambda: resources.delete(urn, identity, state, timeout=timeout))
