"""The store's private endpoint: an address in the members' subnet, and the name that leads there."""

from __future__ import annotations

from pulumi import Resource, ResourceOptions
from pulumi_azure_native import network, privatedns
from pulumi_azure_native.storage import StorageAccount

from providers.azure.names import Names
from providers.azure.network import Place

_ZONE = "privatelink.blob.core.windows.net"
"""The account's public name is an alias of one in this zone (learn.microsoft.com/azure/private-link)."""


def private_door(name: str, names: Names, place: Place, account: StorageAccount) -> Resource:
    """Makes the endpoint; gives the resource with which its name is there."""
    child = ResourceOptions(parent=account)
    zone = privatedns.PrivateZone(
        f"{name}-zone",
        resource_group_name=names.group,
        private_zone_name=_ZONE,
        location="global",
        tags=names.tagged(),
        opts=child,
    )
    privatedns.VirtualNetworkLink(
        f"{name}-zone-link",
        resource_group_name=names.group,
        private_zone_name=zone.name,
        virtual_network_link_name=names.cluster,
        location="global",
        registration_enabled=False,
        virtual_network=privatedns.SubResourceArgs(id=place.id),
        tags=names.tagged(),
        opts=child,
    )
    endpoint = network.PrivateEndpoint(
        f"{name}-endpoint",
        resource_group_name=names.group,
        private_endpoint_name="store",
        location=names.location,
        subnet=network.SubnetArgs(id=place.members),
        # The lowest free address, which Azure would take, may still be the balancer's.
        ip_configurations=[
            network.PrivateEndpointIPConfigurationArgs(
                name="store",
                group_id="blob",
                member_name="blob",
                private_ip_address=str(place.balancer + 1),
            )
        ],
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name="store", private_link_service_id=account.id, group_ids=["blob"]
            )
        ],
        tags=names.tagged(),
        opts=child,
    )
    return network.PrivateDnsZoneGroup(
        f"{name}-endpoint-names",
        resource_group_name=names.group,
        private_endpoint_name=endpoint.name,
        private_dns_zone_group_name="default",
        private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name="blob", private_dns_zone_id=zone.id)],
        opts=child,
    )
