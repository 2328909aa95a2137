"""The virtual network: one subnet of members, one of pools' nodes, and the way out; or an existing one.

Azure's subnets go over all zones. Members have one of their own, because Azure gives every node of a
scale set the lowest address that is free: in a subnet of both sooner or later a member's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from pulumi import ComponentResource, Input, Resource, ResourceOptions
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

from providers.azure.names import Names
from settings.azure import AzureSettings

_BALANCER = 4
"""Number of the API balancer's address in the members' subnet: the first that Azure does not keep."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """A network of the range with a subnet for members and one for pools' nodes.

    `nat`: a gateway with one address through which machines reach the world. Without it they reach only
    what the network itself does: a mirror inside, private endpoints.
    """

    names: Names
    range: IPv4Network
    members: IPv4Network
    pools: IPv4Network
    nat: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where machines and balancers go. `members` and `pools` are ids of subnets.

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


def existing(settings: AzureSettings) -> Place | None:
    """The network that the settings name by its id; None where they ask for a new one."""
    id, subnets = settings.network.id, settings.network.subnets
    if id is None or subnets is None:
        return None
    words = id.split("/")
    return Place(
        id=id,
        members=subnets.members.id,
        pools=subnets.pools.id,
        balancer=subnets.members.range[_BALANCER],
        group=words[4],
        name=words[-1],
        pools_name=subnets.pools.id.rsplit("/", 1)[-1],
    )


class Network(ComponentResource):
    """A network of the cluster's own."""

    place: Place

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Network", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._whole = VirtualNetwork(
            f"{name}-network",
            resource_group_name=args.names.group,
            virtual_network_name=args.names.cluster,
            location=args.names.location,
            # Its subnets are resources of their own: said here too, the two would undo each other.
            address_space=AddressSpaceArgs(address_prefixes=[str(args.range)]),
            tags=args.names.tagged(),
            opts=self._child,
        )
        gateway = self._gateway() if args.nat else None
        members = self._subnet("members", args.members, gateway)
        # One at a time: Azure refuses two changes of one network side by side.
        pools = self._subnet("pools", args.pools, gateway, after=[members])
        self.place = Place(
            id=self._whole.id,
            members=members.id,
            pools=pools.id,
            balancer=args.members[_BALANCER],
            group=args.names.group,
            name=args.names.cluster,
            pools_name="pools",
            ready=[members, pools],
        )
        self.register_outputs({"id": self._whole.id})

    def _subnet(
        self, name: str, range: IPv4Network, gateway: NatGateway | None, after: Sequence[Resource] = ()
    ) -> Subnet:
        return Subnet(
            f"{self._name}-{name}",
            resource_group_name=self._names.group,
            virtual_network_name=self._whole.name,
            subnet_name=name,
            address_prefix=str(range),
            nat_gateway=SubResourceArgs(id=gateway.id) if gateway else None,
            # By this way the store is reached, and from inside by nobody else.
            service_endpoints=[ServiceEndpointPropertiesFormatArgs(service="Microsoft.Storage")],
            # What silence means changes with the API's version: there is no way out but the gateway.
            default_outbound_access=False,
            private_endpoint_network_policies="Disabled",
            opts=ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _gateway(self) -> NatGateway:
        """One for all zones. It may be lost with the zone it was put in, which costs the way out alone."""
        address = PublicIPAddress(
            f"{self._name}-nat-address",
            resource_group_name=self._names.group,
            public_ip_address_name="nat",
            location=self._names.location,
            sku=PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            tags=self._names.tagged(),
            opts=self._child,
        )
        return NatGateway(
            f"{self._name}-nat",
            resource_group_name=self._names.group,
            nat_gateway_name="nat",
            location=self._names.location,
            sku=NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[SubResourceArgs(id=address.id)],
            idle_timeout_in_minutes=10,
            tags=self._names.tagged(),
            opts=self._child,
        )
