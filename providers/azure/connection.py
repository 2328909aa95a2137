"""The connection to Azure: the Pulumi plugin for one subscription, and the cluster's resource group."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ResourceOptions, ResourceTransformationArgs, ResourceTransformationResult
from pulumi_azure_native.provider import Provider
from pulumi_azure_native.resources import ResourceGroup

from components.scope import Scope
from providers.azure.names import Names

# Load balancers and interfaces that the cloud controller created use these resources, so only the deletion of
# the group can delete them.
_DELETED_WITH_GROUP = {
    f"azure-native:network:{kind}" for kind in ("VirtualNetwork", "Subnet", "NatGateway", "PublicIPAddress")
}


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The Pulumi plugin of Azure (`plugin`), and the options for every resource on Azure."""

    plugin: Provider
    options: ResourceOptions


def connect(names: Names, scope: Scope) -> Connection:
    """Create the resource group; return the connection, whose options make resources wait for the group.

    Inputs of resources contain the group's name, which is known in advance and readable in previews.
    """
    plugin = Provider(
        scope.name("azure"),
        subscription_id=names.subscription,
        environment=names.environment.plugin,
        opts=scope.options(),
    )
    group = ResourceGroup(
        scope.name("azure-group"),
        resource_group_name=names.resource_group,
        location=names.location,
        tags=names.resource_tags(),
        opts=scope.options(ResourceOptions(provider=plugin)),
    )

    def depend_on_group(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:"):
            return None
        deleted_with = group if args.type_ in _DELETED_WITH_GROUP else None
        opts = ResourceOptions.merge(
            args.opts, ResourceOptions(depends_on=[group], deleted_with=deleted_with)
        )
        return ResourceTransformationResult(props=args.props, opts=opts)

    # Do not use `transforms`: the engine drops dependencies that the transform of a component adds to its
    # children (tests/engine/test_transforms.py).
    options = ResourceOptions(providers=[plugin], transformations=[depend_on_group])
    return Connection(plugin=plugin, options=options)
