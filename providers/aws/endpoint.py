"""The API's endpoint: a Network Load Balancer over the control planes, and its name in DNS [E1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import lb, route53

from providers.aws.names import Names
from providers.aws.network import Place

_API_PORT = 6443
# A lost API server is left out after at most this, in seconds; 5 is the least that the balancer takes.
_CHECK_EVERY = 5
_FAILURES = 2


@dataclass(frozen=True, kw_only=True)
class EndpointArgs:
    """`members` are the control planes' addresses by name; `hosted_zone` gets a record as well, if any.

    `group` is the balancer's security group: given later it would replace the balancer.
    """

    names: Names
    place: Place
    host: str
    port: int
    public: bool
    hosted_zone: str
    members: Mapping[str, str]
    group: Input[str]


class Endpoint(ComponentResource):
    """The balancer and its names; known, and there, before a machine boots."""

    def __init__(self, name: str, args: EndpointArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Endpoint", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        subnets = args.place.public if args.public else args.place.private
        balancer = self._balancer(subnets)
        targets = self._targets()
        lb.Listener(
            f"{name}-listener",
            load_balancer_arn=balancer.arn,
            port=args.port,
            protocol="TCP",
            default_actions=[lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            tags=args.names.tagged("api"),
            opts=self._child,
        )
        self._names(balancer)
        self.register_outputs({"host": args.host})

    def _balancer(self, subnets: Sequence[Input[str]]) -> lb.LoadBalancer:
        return lb.LoadBalancer(
            f"{self._name}-balancer",
            name=self._args.names.name("api"),
            load_balancer_type="network",
            internal=not self._args.public,
            subnets=list(subnets),
            security_groups=[self._args.group],
            # A zone whose control plane is away would answer nobody without it.
            enable_cross_zone_load_balancing=True,
            tags=self._args.names.tagged("api"),
            opts=self._child,
        )

    def _targets(self) -> lb.TargetGroup:
        """Targets are addresses: they are there before the machines, and stay when these are replaced.

        The clients' addresses are not kept, or a control plane could not reach itself through it.
        """
        group = lb.TargetGroup(
            f"{self._name}-targets",
            name=self._args.names.name("api"),
            vpc_id=self._args.place.vpc,
            target_type="ip",
            protocol="TCP",
            port=_API_PORT,
            preserve_client_ip="false",
            deregistration_delay=30,
            health_check=lb.TargetGroupHealthCheckArgs(
                protocol="HTTPS",
                port=str(_API_PORT),
                path="/readyz",
                matcher="200",
                interval=_CHECK_EVERY,
                timeout=_CHECK_EVERY - 1,
                healthy_threshold=_FAILURES,
                unhealthy_threshold=_FAILURES,
            ),
            # An API server that ends fails /readyz while it still serves: its connections may go on.
            target_health_states=[
                lb.TargetGroupTargetHealthStateArgs(
                    enable_unhealthy_connection_termination=False, unhealthy_draining_interval=30
                )
            ],
            tags=self._args.names.tagged("api"),
            opts=self._child,
        )
        for member, address in self._args.members.items():
            lb.TargetGroupAttachment(
                f"{self._name}-target-{member}",
                target_group_arn=group.arn,
                target_id=address,
                port=_API_PORT,
                opts=self._child,
            )
        return group

    def _names(self, balancer: lb.LoadBalancer) -> None:
        """A private zone for this one name shadows no other of its domain."""
        args = self._args
        zone = route53.Zone(
            f"{self._name}-zone",
            name=args.host,
            comment=f"The API of the cluster {args.names.cluster}",
            vpcs=[route53.ZoneVpcArgs(vpc_id=args.place.vpc, vpc_region=args.names.region)],
            tags=args.names.tagged("api"),
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
                        name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=False
                    )
                ],
                opts=self._child,
            )
