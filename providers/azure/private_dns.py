"""Private DNS zones of the cluster's network."""

from __future__ import annotations

from pulumi import Input, ResourceOptions
from pulumi_azure_native import privatedns

from providers.azure.names import Names


def create_private_zone(
    name: str, domain: Input[str], names: Names, network: Input[str], options: ResourceOptions
) -> privatedns.PrivateZone:
    """Create the zone of `domain` and link it to the network with the id `network`; return the zone."""
    zone = privatedns.PrivateZone(
        f"{name}-zone",
        resource_group_name=names.resource_group,
        private_zone_name=domain,
        location="global",
        tags=names.dns_tags(),
        opts=options,
    )
    privatedns.VirtualNetworkLink(
        f"{name}-zone-link",
        resource_group_name=names.resource_group,
        private_zone_name=zone.name,
        virtual_network_link_name=names.cluster,
        location="global",
        registration_enabled=False,
        virtual_network=privatedns.SubResourceArgs(id=network),
        tags=names.dns_tags(),
        opts=options,
    )
    return zone
