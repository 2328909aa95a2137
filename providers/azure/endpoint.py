"""The API's load balancer and its name.

Nodes always use the balancer inside the network, by a private DNS zone that has the endpoint's name and
nothing else, so that it hides no other name of that domain. A public one, where it is asked for, is
beside it: who comes from inside never goes out by the gateway to come in again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_azure_native import network, privatedns

from providers.azure.firewall import API_PORT
from providers.azure.names import Names
from providers.azure.network import Place

_BALANCERS = "Microsoft.Network/loadBalancers"
_FRONTEND, _POOL, _PROBE = "api", "control-planes", "readyz"
_IDLE_MINUTES = 30
"""Watches are silent for long. Azure's own 4 minutes would cut them without a word to either side."""


@dataclass(frozen=True, kw_only=True)
class EndpointArgs:
    """`host` and `port` are the endpoint's. `label`: of the public address's name in the location."""

    names: Names
    place: Place
    host: str
    port: int
    zones: Sequence[str]
    public: bool
    label: str


class Endpoint(ComponentResource):
    """The balancers. `pools` are the ids of those that control planes' interfaces are to be in.

    `address` is the public address, None without one.
    """

    pools: Sequence[Output[str]]
    address: Output[str | None] | None = None

    def __init__(self, name: str, args: EndpointArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Endpoint", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        inside = network.FrontendIPConfigurationArgs(
            name=_FRONTEND,
            subnet=network.SubnetArgs(id=args.place.members),
            private_ip_address=str(args.place.balancer),
            private_ip_allocation_method="Static",
            zones=list(args.zones),
        )
        self.pools = [self._balancer("api", inside)]
        self._private_name()
        if args.public:
            self.pools = [*self.pools, self._balancer("api-public", self._public_frontend())]
        self.register_outputs({"address": self.address})

    def _balancer(self, balancer: str, frontend: network.FrontendIPConfigurationArgs) -> Output[str]:
        """A balancer of the control planes; gives its pool's id."""
        made = network.LoadBalancer(
            f"{self._name}-{balancer}",
            resource_group_name=self._names.group,
            load_balancer_name=balancer,
            location=self._names.location,
            sku=network.LoadBalancerSkuArgs(name="Standard", tier="Regional"),
            frontend_ip_configurations=[frontend],
            backend_address_pools=[network.BackendAddressPoolArgs(name=_POOL)],
            probes=[
                network.ProbeArgs(
                    name=_PROBE,
                    protocol="Https",
                    port=API_PORT,
                    # Of HTTP's answers only 200 is healthy to Azure: no client certificate may be asked for.
                    request_path="/readyz",
                    interval_in_seconds=5,
                    number_of_probes=2,
                    probe_threshold=2,
                )
            ],
            load_balancing_rules=[self._rule(balancer)],
            tags=self._names.tagged(),
            opts=self._child,
        )
        return made.id.apply(lambda id: f"{id}/backendAddressPools/{_POOL}")

    def _rule(self, balancer: str) -> network.LoadBalancingRuleArgs:
        def own(kind: str, name: str) -> network.SubResourceArgs:
            return network.SubResourceArgs(id=self._names.id(f"{_BALANCERS}/{kind}", balancer, name))

        return network.LoadBalancingRuleArgs(
            name="api",
            protocol="Tcp",
            frontend_port=self._args.port,
            backend_port=API_PORT,
            frontend_ip_configuration=own("frontendIPConfigurations", _FRONTEND),
            backend_address_pool=own("backendAddressPools", _POOL),
            probe=own("probes", _PROBE),
            # The way out is the gateway's alone: a rule that gave one by the way would hide its loss.
            disable_outbound_snat=True,
            enable_tcp_reset=True,
            idle_timeout_in_minutes=_IDLE_MINUTES,
            load_distribution="Default",
        )

    def _public_frontend(self) -> network.FrontendIPConfigurationArgs:
        label = self._args.label
        address = network.PublicIPAddress(
            f"{self._name}-address",
            resource_group_name=self._names.group,
            public_ip_address_name="api",
            location=self._names.location,
            sku=network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            dns_settings=network.PublicIPAddressDnsSettingsArgs(domain_name_label=label) if label else None,
            zones=list(self._args.zones),
            tags=self._names.tagged(),
            opts=self._child,
        )
        self.address = address.ip_address
        return network.FrontendIPConfigurationArgs(
            name=_FRONTEND, public_ip_address=network.PublicIPAddressArgs(id=address.id)
        )

    def _private_name(self) -> None:
        host: Input[str] = self._args.host
        zone = privatedns.PrivateZone(
            f"{self._name}-zone",
            resource_group_name=self._names.group,
            private_zone_name=host,
            location="global",
            tags=self._names.tagged(),
            opts=self._child,
        )
        privatedns.VirtualNetworkLink(
            f"{self._name}-zone-link",
            resource_group_name=self._names.group,
            private_zone_name=zone.name,
            virtual_network_link_name=self._names.cluster,
            location="global",
            registration_enabled=False,
            virtual_network=privatedns.SubResourceArgs(id=self._args.place.id),
            tags=self._names.tagged(),
            opts=self._child,
        )
        privatedns.PrivateRecordSet(
            f"{self._name}-record",
            resource_group_name=self._names.group,
            private_zone_name=zone.name,
            relative_record_set_name="@",
            record_type="A",
            ttl=60,
            a_records=[privatedns.ARecordArgs(ipv4_address=str(self._args.place.balancer))],
            opts=self._child,
        )
