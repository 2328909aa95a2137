"""The endpoint of the Kubernetes API: a Network Load Balancer and its DNS records [E1]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import lb, route53

from providers.aws.names import Names
from providers.aws.network import NetworkReference
from topology.ports import API_PORT

# Seconds between health checks; 5 is the minimum. A failed API server gets no connections after two checks.
_CHECK_INTERVAL_SECONDS = 5
_CHECK_THRESHOLD = 2


@dataclass(frozen=True, kw_only=True)
class EndpointArgs:
    """Arguments of the endpoint. `members` are the addresses of control planes by name.

    `hosted_zone` is the id of a Route 53 zone for a second DNS record, or empty. `group` is the security
    group of the load balancer: adding a group later would replace the load balancer.
    """

    names: Names
    network: NetworkReference
    host: str
    port: int
    public: bool
    hosted_zone: str
    members: Mapping[str, str]
    group: Input[str]


class Endpoint(ComponentResource):
    """The load balancer of the Kubernetes API and its DNS records. Both exist before a machine boots."""

    def __init__(self, name: str, args: EndpointArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Endpoint", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        load_balancer = self._create_load_balancer()
        targets = self._create_targets()
        lb.Listener(
            f"{name}-listener",
            load_balancer_arn=load_balancer.arn,
            port=args.port,
            protocol="TCP",
            default_actions=[lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            tags=args.names.resource_tags("api"),
            opts=self._child,
        )
        self._create_records(load_balancer)
        self.register_outputs({"host": args.host})

    def _create_load_balancer(self) -> lb.LoadBalancer:
        network = self._args.network
        subnets = network.public if self._args.public else network.private
        return lb.LoadBalancer(
            f"{self._name}-balancer",
            name=self._args.names.name("api"),
            load_balancer_type="network",
            internal=not self._args.public,
            subnets=list(subnets),
            security_groups=[self._args.group],
            # Without this setting, a zone without a healthy control plane would not answer.
            enable_cross_zone_load_balancing=True,
            tags=self._args.names.resource_tags("api"),
            opts=self._child,
        )

    def _create_targets(self) -> lb.TargetGroup:
        """Create the target group, which contains the stable addresses of control planes.

        The load balancer replaces the source address of a connection by its own address. With the original
        address, a control plane could not connect to itself through the load balancer.
        """
        group = lb.TargetGroup(
            f"{self._name}-targets",
            name=self._args.names.name("api"),
            vpc_id=self._args.network.vpc,
            target_type="ip",
            protocol="TCP",
            port=API_PORT,
            preserve_client_ip="false",
            deregistration_delay=30,
            health_check=lb.TargetGroupHealthCheckArgs(
                protocol="HTTPS",
                port=str(API_PORT),
                path="/readyz",
                matcher="200",
                interval=_CHECK_INTERVAL_SECONDS,
                timeout=_CHECK_INTERVAL_SECONDS - 1,
                healthy_threshold=_CHECK_THRESHOLD,
                unhealthy_threshold=_CHECK_THRESHOLD,
            ),
            # A stopping API server fails /readyz while it still serves, so open connections continue.
            target_health_states=[
                lb.TargetGroupTargetHealthStateArgs(
                    enable_unhealthy_connection_termination=False, unhealthy_draining_interval=30
                )
            ],
            tags=self._args.names.resource_tags("api"),
            opts=self._child,
        )
        for member, address in self._args.members.items():
            lb.TargetGroupAttachment(
                f"{self._name}-target-{member}",
                target_group_arn=group.arn,
                target_id=address,
                port=API_PORT,
                opts=self._child,
            )
        return group

    def _create_records(self, load_balancer: lb.LoadBalancer) -> None:
        """Create the DNS records of the endpoint.

        The private zone contains only the name of the endpoint, so it hides no other name of the domain.
        """
        args = self._args
        zone = route53.Zone(
            f"{self._name}-zone",
            name=args.host,
            comment=f"The API of the cluster {args.names.cluster}",
            vpcs=[route53.ZoneVpcArgs(vpc_id=args.network.vpc, vpc_region=args.names.region)],
            tags=args.names.resource_tags("api"),
            opts=self._child,
        )
        zones: dict[str, Input[str]] = {"private": zone.zone_id}
        if args.hosted_zone:
            zones["hosted"] = args.hosted_zone
        for kind, identifier in zones.items():
            route53.Record(
                f"{self._name}-record-{kind}",
                zone_id=identifier,
                name=args.host,
                type="A",
                aliases=[
                    route53.RecordAliasArgs(
                        name=load_balancer.dns_name,
                        zone_id=load_balancer.zone_id,
                        evaluate_target_health=False,
                    )
                ],
                opts=self._child,
            )
