"""How the program speaks to Azure: as which subscription, and within the cluster's resource group."""

from __future__ import annotations

from pulumi import ResourceOptions, ResourceTransformationArgs, ResourceTransformationResult
from pulumi_azure_native.provider import Provider
from pulumi_azure_native.resources import ResourceGroup

from providers.azure.names import Names

# A balancer or an interface that the cloud controller made holds these, and goes only with the group.
_WITH_THE_GROUP = {
    f"azure-native:network:{kind}" for kind in ("VirtualNetwork", "Subnet", "NatGateway", "PublicIPAddress")
}


def within(names: Names) -> ResourceOptions:
    """Options of everything on Azure: this subscription, and after the cluster's resource group.

    The group is named by its name, which is known, and not by its output, so that previews show text.
    """
    provider = Provider("azure", subscription_id=names.subscription)
    group = ResourceGroup(
        "azure-group",
        resource_group_name=names.group,
        location=names.location,
        tags=names.tagged(),
        opts=ResourceOptions(provider=provider),
    )

    def after(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:"):
            return None
        whole = group if args.type_ in _WITH_THE_GROUP else None
        opts = ResourceOptions.merge(args.opts, ResourceOptions(depends_on=[group], deleted_with=whole))
        return ResourceTransformationResult(props=args.props, opts=opts)

    return ResourceOptions(providers=[provider], transformations=[after])
