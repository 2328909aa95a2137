"""The connection to Azure: the Pulumi plugin for one subscription, and the cluster's resource group."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ResourceOptions, ResourceTransformationArgs, ResourceTransformationResult
from pulumi_azure_native.provider import Provider
from pulumi_azure_native.resources import ResourceGroup

from providers.azure.names import Names

# Load balancers and interfaces that the cloud controller created use these resources, so only the deletion of
# the group can delete them.
_DELETED_WITH_GROUP = {
    f"azure-native:network:{kind}" for kind in ("VirtualNetwork", "Subnet", "NatGateway", "PublicIPAddress")
}


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The plugin, and the options of every resource on Azure."""

    plugin: Provider
    options: ResourceOptions


def connect(names: Names) -> Connection:
    """Create the resource group; return the connection, whose resources come after the group.

    Resources name the group by its name, which is known in advance, so that previews show text.
    """
    plugin = Provider("azure", subscription_id=names.subscription)
    group = ResourceGroup(
        "azure-group",
        resource_group_name=names.group,
        location=names.location,
        tags=names.tagged(),
        opts=ResourceOptions(provider=plugin),
    )

    def depend_on_group(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:"):
            return None
        deleted_with = group if args.type_ in _DELETED_WITH_GROUP else None
        opts = ResourceOptions.merge(
            args.opts, ResourceOptions(depends_on=[group], deleted_with=deleted_with)
        )
        return ResourceTransformationResult(props=args.props, opts=opts)

    options = ResourceOptions(providers=[plugin], transformations=[depend_on_group])
    return Connection(plugin=plugin, options=options)
