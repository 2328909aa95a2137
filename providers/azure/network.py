"""The virtual network: one subnet of members, one of pools' nodes, and the way out of both.

Azure's subnets go over all zones. Members have one of their own, because Azure gives every node of a
scale set the lowest address that is free: theirs, sooner or later, in a subnet of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pulumi import Input, Resource, ResourceOptions
from pulumi_azure_native.network import (
    AddressSpaceArgs,
    NatGateway,
    NatGatewaySkuArgs,
    PublicIPAddress,
    PublicIPAddressSkuArgs,
    ServiceEndpointPropertiesFormatArgs,
    Subnet,
    SubResourceArgs,
    VirtualNetwork,
)

from providers.azure.site import Site
from settings.azure import AzureSettings

_BALANCER = 4
"""Number of the API balancer's address in the members' subnet: the first that Azure does not keep."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is there. `members` and `pools` are ids of subnets.

    `balancer` is the address that the API's balancer has in the members' subnet. `group`, `name` and
    `pools_name` are what the cloud controller calls the network and the nodes' subnet by. `ready` is what
    machines must wait for before they have a way out.
    """

    id: Input[str]
    members: Input[str]
    pools: Input[str]
    balancer: IPv4Address
    group: str
    name: str
    pools_name: str
    ready: Sequence[Resource] = ()


def network(site: Site, settings: AzureSettings, options: ResourceOptions) -> Network:
    """The network that the settings ask for: a new one, or the existing one."""
    members, pools = settings.member_ranges[0], settings.pool_ranges[0]
    own = settings.network.subnets
    if settings.network.id and own:
        words = settings.network.id.split("/")
        return Network(
            id=settings.network.id,
            members=own.members.id,
            pools=own.pools.id,
            balancer=members[_BALANCER],
            group=words[4],
            name=words[-1],
            pools_name=own.pools.id.rsplit("/", 1)[-1],
        )
    return _made(site, settings, members, pools, options)


def _made(
    site: Site, settings: AzureSettings, members: IPv4Network, pools: IPv4Network, options: ResourceOptions
) -> Network:
    whole = VirtualNetwork(
        "network",
        resource_group_name=site.group,
        virtual_network_name=site.cluster,
        location=site.location,
        address_space=AddressSpaceArgs(address_prefixes=[str(settings.range)]),
        tags=site.tags,
        # Subnets are resources of their own: said here too, the two would undo each other.
        opts=options,
    )
    gateway = _gateway(site, options) if settings.network.nat else None
    first = _subnet(site, whole, "members", members, gateway, options)
    # One at a time: Azure refuses two changes of one network side by side.
    after = ResourceOptions.merge(options, ResourceOptions(depends_on=[first]))
    second = _subnet(site, whole, "pools", pools, gateway, after)
    return Network(
        id=whole.id,
        members=first.id,
        pools=second.id,
        balancer=members[_BALANCER],
        group=site.group,
        name=site.cluster,
        pools_name="pools",
        ready=[first, second],
    )


def _subnet(
    site: Site,
    whole: VirtualNetwork,
    name: str,
    range: IPv4Network,
    gateway: NatGateway | None,
    options: ResourceOptions,
) -> Subnet:
    return Subnet(
        f"subnet-{name}",
        resource_group_name=site.group,
        virtual_network_name=whole.name,
        subnet_name=name,
        address_prefix=str(range),
        nat_gateway=SubResourceArgs(id=gateway.id) if gateway else None,
        # The store is reached by this way, and lets in nobody else from inside.
        service_endpoints=[ServiceEndpointPropertiesFormatArgs(service="Microsoft.Storage")],
        # Azure changed in 2026 what it means to say nothing: there is no way out but the gateway.
        default_outbound_access=False,
        private_endpoint_network_policies="Disabled",
        opts=options,
    )


def _gateway(site: Site, options: ResourceOptions) -> NatGateway:
    """One for all zones: in no zone of its own, it may be lost with one, which costs the way out alone."""
    address = PublicIPAddress(
        "nat-address",
        resource_group_name=site.group,
        public_ip_address_name="nat",
        location=site.location,
        sku=PublicIPAddressSkuArgs(name="Standard"),
        public_ip_allocation_method="Static",
        tags=site.tags,
        opts=options,
    )
    return NatGateway(
        "nat",
        resource_group_name=site.group,
        nat_gateway_name="nat",
        location=site.location,
        sku=NatGatewaySkuArgs(name="Standard"),
        public_ip_addresses=[SubResourceArgs(id=address.id)],
        idle_timeout_in_minutes=10,
        tags=site.tags,
        opts=options,
    )
