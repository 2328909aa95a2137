"""The emulated API of Azure on the loopback interface, without a lab, for tests of the stand-in plugin."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lab.cloud.azure.deployer import TOKEN_VARIABLE, URL_VARIABLE
from lab.cloud.azure.resources import SCALE_SET, VIRTUAL_MACHINE, Resources
from lab.cloud.azure.responses import in_background
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import admin_secret

LAB = "unit"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_INTERVAL_SECONDS = 0.05


@contextmanager
def emulated_azure() -> Iterator[Mapping[str, str]]:
    """Serve an empty subscription. Yield the environment variables of its deployer.

    The caller must set `KUBEWRIGHT_STATE`, where the emulation stores its files. Machines are created and
    deleted at once, without hosts.
    """
    secret = admin_secret(LAB)
    stopped = threading.Event()
    machines = threading.Thread(target=_run_machines, args=(stopped,), daemon=True)
    machines.start()
    try:
        with in_background(store_server(LAB, ("127.0.0.1", 0), AccessTokens(secret))) as server:
            yield {URL_VARIABLE: f"http://127.0.0.1:{server.server_address[1]}", TOKEN_VARIABLE: secret}
    finally:
        stopped.set()
        machines.join()


def _run_machines(stopped: threading.Event) -> None:
    """Report the creation of machines, and remove deleted machines."""
    resources = Resources.of(LAB)
    while not stopped.wait(_INTERVAL_SECONDS):
        for resource in [*resources.of_type(VIRTUAL_MACHINE), *resources.of_type(SCALE_SET)]:
            if resource.deleting:
                resources.remove(resource.id)
            elif resource.properties.get("provisioningState") == "Creating":
                resources.change(
                    resource.id, lambda current: current.with_properties(provisioningState="Succeeded")
                )
