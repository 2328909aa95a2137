"""The check that an update of a scale set does not change the size that the autoscaler chose.

Azure's API requires the size in every update of a scale set, and the engine sends the size in the state
(`ignore_changes`). The driver refreshes the state before `up`. The autoscaler can still change the size while
`up` changes other resources, and `pulumi up` without the driver does not refresh. A hook of the engine
therefore compares both sizes immediately before the update.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding

from providers.azure.environments import AzureEnvironment
from settings.azure import AzureEndpoints


def keep_size(name: str, environment: AzureEnvironment, endpoints: AzureEndpoints) -> ResourceHookBinding:
    """Return hooks for a scale set that fail an update which would change its size.

    `name` is the name of the scale set in the program, `environment` the cloud of Azure that has it,
    `endpoints` have the URL of a private endpoint of its management API.
    """

    def refuse(args: ResourceHookArgs) -> None:
        refuse_resize(name, args, lambda id: _read_size(id, environment, endpoints))

    return ResourceHookBinding(before_update=[ResourceHook(f"{name}-keeps-size", refuse)])


def refuse_resize(name: str, args: ResourceHookArgs, read_size: Callable[[str], int]) -> None:
    """Raise RuntimeError if an update would change the current size of a scale set.

    `read_size` returns the current size of the scale set with an id.
    """
    if problem := describe_resize(name, args.new_inputs or {}, read_size(args.id)):
        raise RuntimeError(problem)


def describe_resize(name: str, inputs: Mapping[str, object], current: int) -> str:
    """Return the error message for inputs whose size is not the current size; empty for the same size."""
    sku = inputs.get("sku")
    capacity = sku.get("capacity") if isinstance(sku, Mapping) else None
    if not isinstance(capacity, int | float) or int(capacity) == current:
        return ""
    return (
        f"{name}: the autoscaler changed the size to {current} nodes, and this update would set it to "
        f"{int(capacity)}; the scale set was not changed; run `kubewright up` again, which reads the size "
        "first"
    )


def _read_size(id: str, environment: AzureEnvironment, endpoints: AzureEndpoints) -> int:
    # The SDK is loaded only for an update.
    from providers.azure.credentials import deployer_credential
    from providers.azure.wait_clients import MachineGroups

    credential = deployer_credential(os.environ, environment.login)
    url, scope = endpoints.management or environment.management, f"{environment.management}/.default"
    return MachineGroups(url, credential, endpoints.ca_file or None, scope).capacity(id)
