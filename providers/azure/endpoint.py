"""The endpoint of the Kubernetes API: load balancers and a private DNS record [E1].

Nodes always use the internal load balancer. The private DNS zone contains only the name of the endpoint, so
it hides no other name of the domain. The public load balancer is a separate resource: connections of nodes to
the API do not pass the NAT gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_azure_native import network, privatedns

from providers.azure.names import Names
from providers.azure.network import NetworkReference
from providers.azure.private_dns import create_private_zone
from topology.ports import API_PORT

_LOAD_BALANCERS = "Microsoft.Network/loadBalancers"
_FRONTEND, _POOL, _PROBE = "api", "control-planes", "readyz"
_IDLE_MINUTES = 30
"""Watches can be idle for long. After the default of 4 minutes Azure drops connections silently."""


@dataclass(frozen=True, kw_only=True)
class EndpointArgs:
    """Arguments of the endpoint.

    `host` is its DNS name, `label` the DNS label of the public address or empty.
    """

    names: Names
    network: NetworkReference
    host: str
    port: int
    zones: Sequence[str]
    public: bool
    label: str


class Endpoint(ComponentResource):
    """The load balancers of the Kubernetes API.

    `backend_pools` are the ids of the backend pools for interfaces of control planes.
    `address` is the public address; None without a public load balancer.
    """

    backend_pools: Sequence[Output[str]]
    address: Output[str | None] | None = None

    def __init__(self, name: str, args: EndpointArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Endpoint", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        # Azure refuses a frontend while another subnet of its network changes.
        self._child = ResourceOptions(parent=self, depends_on=list(args.network.machine_dependencies))
        internal = network.FrontendIPConfigurationArgs(
            name=_FRONTEND,
            subnet=network.SubnetArgs(id=args.network.members),
            private_ip_address=str(args.network.load_balancer),
            private_ip_allocation_method="Static",
            zones=list(args.zones),
        )
        self.backend_pools = [self._create_load_balancer("api", internal)]
        self._create_record()
        if args.public:
            self.backend_pools = [
                *self.backend_pools,
                self._create_load_balancer("api-public", self._create_public_frontend()),
            ]
        self.register_outputs({"address": self.address})

    def _create_load_balancer(
        self, load_balancer: str, frontend: network.FrontendIPConfigurationArgs
    ) -> Output[str]:
        """Create a load balancer for the control planes; return the id of its backend pool."""
        resource = network.LoadBalancer(
            f"{self._name}-{load_balancer}",
            resource_group_name=self._names.resource_group,
            load_balancer_name=load_balancer,
            location=self._names.location,
            sku=network.LoadBalancerSkuArgs(name="Standard", tier="Regional"),
            frontend_ip_configurations=[frontend],
            backend_address_pools=[network.BackendAddressPoolArgs(name=_POOL)],
            probes=[
                network.ProbeArgs(
                    name=_PROBE,
                    protocol="Https",
                    port=API_PORT,
                    # Azure accepts only the status 200, so the probe must not need a client certificate.
                    request_path="/readyz",
                    interval_in_seconds=5,
                    number_of_probes=2,
                    probe_threshold=2,
                )
            ],
            load_balancing_rules=[self._load_balancing_rule(load_balancer)],
            tags=self._names.resource_tags(),
            opts=self._child,
        )
        return resource.id.apply(lambda id: f"{id}/backendAddressPools/{_POOL}")

    def _load_balancing_rule(self, load_balancer: str) -> network.LoadBalancingRuleArgs:
        def sub_resource(kind: str, name: str) -> network.SubResourceArgs:
            return network.SubResourceArgs(
                id=self._names.id(f"{_LOAD_BALANCERS}/{kind}", load_balancer, name)
            )

        return network.LoadBalancingRuleArgs(
            name="api",
            protocol="Tcp",
            frontend_port=self._args.port,
            backend_port=API_PORT,
            frontend_ip_configuration=sub_resource("frontendIPConfigurations", _FRONTEND),
            backend_address_pool=sub_resource("backendAddressPools", _POOL),
            probe=sub_resource("probes", _PROBE),
            # Only the gateway allows outbound traffic. A second path would hide a failure of the gateway.
            disable_outbound_snat=True,
            enable_tcp_reset=True,
            idle_timeout_in_minutes=_IDLE_MINUTES,
            load_distribution="Default",
        )

    def _create_public_frontend(self) -> network.FrontendIPConfigurationArgs:
        label = self._args.label
        address = network.PublicIPAddress(
            f"{self._name}-address",
            resource_group_name=self._names.resource_group,
            public_ip_address_name="api",
            location=self._names.location,
            sku=network.PublicIPAddressSkuArgs(name="Standard"),
            public_ip_allocation_method="Static",
            dns_settings=network.PublicIPAddressDnsSettingsArgs(domain_name_label=label) if label else None,
            zones=list(self._args.zones),
            tags=self._names.resource_tags(),
            opts=self._child,
        )
        self.address = address.ip_address
        return network.FrontendIPConfigurationArgs(
            name=_FRONTEND, public_ip_address=network.PublicIPAddressArgs(id=address.id)
        )

    def _create_record(self) -> None:
        """Create the private DNS zone with the record of the endpoint."""
        zone = create_private_zone(
            self._name, self._args.host, self._names, self._args.network.id, self._child
        )
        privatedns.PrivateRecordSet(
            f"{self._name}-record",
            resource_group_name=self._names.resource_group,
            private_zone_name=zone.name,
            relative_record_set_name="@",
            record_type="A",
            ttl=60,
            a_records=[privatedns.ARecordArgs(ipv4_address=str(self._args.network.load_balancer))],
            opts=self._child,
        )
