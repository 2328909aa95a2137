"""The virtual network: one subnet for members, one for nodes of pools, a NAT gateway; or an existing network.

Subnets of Azure span all zones. Members have a separate subnet, because Azure gives nodes of scale sets the
lowest free address: in a shared subnet this could be the address of a member.
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

_LOAD_BALANCER = 4
"""Index of the load balancer's address in the subnet of members: Azure reserves the addresses before."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Arguments of a new network with a subnet for members and one for nodes of pools.

    `nat` creates a NAT gateway with one public address. Without NAT, machines reach only addresses inside the
    network, for example a mirror or private endpoints.
    """

    names: Names
    range: IPv4Network
    members: IPv4Network
    pools: IPv4Network
    nat: bool


@dataclass(frozen=True, kw_only=True)
class NetworkReference:
    """Ids of a new or existing network and of its subnets `members` and `pools`.

    `load_balancer` is the address of the API's load balancer in the subnet of members. `group`, `name` and
    `pools_name` are the names by which the cloud controller finds the network and the subnet of nodes.
    `machine_dependencies` are resources that machines must wait for.
    """

    id: Input[str]
    members: Input[str]
    pools: Input[str]
    load_balancer: IPv4Address
    group: str
    name: str
    pools_name: str
    machine_dependencies: Sequence[Resource] = ()


def existing_network(settings: AzureSettings) -> NetworkReference | None:
    """Return the network that the settings name by its id; None when they request a new one."""
    id, subnets = settings.network.id, settings.network.subnets
    if id is None or subnets is None:
        return None
    words = id.split("/")
    return NetworkReference(
        id=id,
        members=subnets.members.id,
        pools=subnets.pools.id,
        load_balancer=subnets.members.range[_LOAD_BALANCER],
        group=words[4],
        name=words[-1],
        pools_name=subnets.pools.id.rsplit("/", 1)[-1],
    )


class Network(ComponentResource):
    """A new virtual network for the cluster. `reference` has its ids."""

    reference: NetworkReference

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Network", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._network = VirtualNetwork(
            f"{name}-network",
            resource_group_name=args.names.resource_group,
            virtual_network_name=args.names.cluster,
            location=args.names.location,
            # Subnets are separate resources: subnets in this input too would undo them.
            address_space=AddressSpaceArgs(address_prefixes=[str(args.range)]),
            tags=args.names.resource_tags(),
            opts=self._child,
        )
        gateway = self._create_gateway() if args.nat else None
        members = self._create_subnet("members", args.members, gateway)
        # The changes run one after the other, because Azure rejects two changes of a network at the same
        # time.
        pools = self._create_subnet("pools", args.pools, gateway, after=[members])
        self.reference = NetworkReference(
            id=self._network.id,
            members=members.id,
            pools=pools.id,
            load_balancer=args.members[_LOAD_BALANCER],
            group=args.names.resource_group,
            name=args.names.cluster,
            pools_name="pools",
            machine_dependencies=[members, pools],
        )
        self.register_outputs({"id": self._network.id})

    def _create_subnet(
        self, name: str, range: IPv4Network, gateway: NatGateway | None, after: Sequence[Resource] = ()
    ) -> Subnet:
        return Subnet(
            f"{self._name}-{name}",
            resource_group_name=self._names.resource_group,
            virtual_network_name=self._network.name,
            subnet_name=name,
            address_prefix=str(range),
            nat_gateway=SubResourceArgs(id=gateway.id) if gateway else None,
            # The firewall of the store allows traffic that comes through this service endpoint.
            service_endpoints=[ServiceEndpointPropertiesFormatArgs(service="Microsoft.Storage")],
            # The default depends on the API version. Only the gateway allows outbound traffic.
            default_outbound_access=False,
            private_endpoint_network_policies="Disabled",
            opts=ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _create_gateway(self) -> NatGateway:
        """Create one NAT gateway for all zones. If its zone fails, only outbound traffic fails."""
        address = PublicIPAddress(
            f"{self._name}-nat-address",
            resource_group_name=self._names.resource_group,
            public_ip_address_name="nat",
            location=self._names.location,
            sku=PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            tags=self._names.resource_tags(),
            opts=self._child,
        )
        return NatGateway(
            f"{self._name}-nat",
            resource_group_name=self._names.resource_group,
            nat_gateway_name="nat",
            location=self._names.location,
            sku=NatGatewaySkuArgs(name="Standard"),
            public_ip_addresses=[SubResourceArgs(id=address.id)],
            idle_timeout_in_minutes=10,
            tags=self._names.resource_tags(),
            opts=self._child,
        )
