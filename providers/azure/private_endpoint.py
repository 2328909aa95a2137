"""Private endpoints of storage accounts: an address in the subnet of members, and its DNS record."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Resource, ResourceOptions
from pulumi_azure_native import network
from pulumi_azure_native.storage import StorageAccount

from providers.azure.names import Names
from providers.azure.network import NetworkReference
from providers.azure.private_dns import create_private_zone


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a storage account with a private endpoint `name`. `group` is its name in Azure, and
    `place` the position of the address after that of the API's load balancer.
    """

    name: str
    group: str
    place: int


STORE = Service("store", "blob", 1)
FILES = Service("files", "file", 2)


def create_private_endpoint(
    name: str, service: Service, names: Names, reference: NetworkReference, account: StorageAccount
) -> Resource:
    """Create the private endpoint of a service of the storage account.

    Return the DNS resource of the endpoint. When it exists, the name of the storage account resolves to the
    private address.
    """
    child = ResourceOptions(parent=account, depends_on=list(reference.machine_dependencies))
    # The account's public name is an alias for a name in this zone (learn.microsoft.com/azure/private-link).
    domain = f"privatelink.{service.group}.{names.environment.storage}"
    zone = create_private_zone(name, domain, names, reference.id, child)
    endpoint = _create_endpoint(name, service, names, reference, account)
    return network.PrivateDnsZoneGroup(
        f"{name}-endpoint-names",
        resource_group_name=names.resource_group,
        private_endpoint_name=endpoint.name,
        private_dns_zone_group_name="default",
        private_dns_zone_configs=[
            network.PrivateDnsZoneConfigArgs(name=service.group, private_dns_zone_id=zone.id)
        ],
        opts=child,
    )


def _create_endpoint(
    name: str, service: Service, names: Names, reference: NetworkReference, account: StorageAccount
) -> network.PrivateEndpoint:
    return network.PrivateEndpoint(
        f"{name}-endpoint",
        resource_group_name=names.resource_group,
        private_endpoint_name=service.name,
        location=names.location,
        subnet=network.SubnetArgs(id=reference.members),
        # Azure would choose the lowest free address, which may be the address of the load balancer.
        ip_configurations=[
            network.PrivateEndpointIPConfigurationArgs(
                name=service.name,
                group_id=service.group,
                member_name=service.group,
                private_ip_address=str(reference.load_balancer + service.place),
            )
        ],
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name=service.name, private_link_service_id=account.id, group_ids=[service.group]
            )
        ],
        tags=names.resource_tags(),
        opts=ResourceOptions(parent=account, depends_on=list(reference.machine_dependencies)),
    )
