"""The endpoint of the Kubernetes API: Network Load Balancers and DNS records [E1].

Machines always use the internal load balancer, to which the private DNS zone refers. With a public endpoint,
a second load balancer is in the public subnets. It has its own target group, because a target group can have
only one load balancer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Resource, ResourceOptions
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
    group of the load balancers: adding a group later would replace a load balancer.
    """

    names: Names
    network: NetworkReference
    host: str
    port: int
    public: bool
    hosted_zone: str
    members: Mapping[str, str]
    group: Input[str]


@dataclass(frozen=True, kw_only=True)
class _Frontend:
    """A load balancer, and the resources without which it serves no connection."""

    load_balancer: lb.LoadBalancer
    parts: Sequence[Resource]


class Endpoint(ComponentResource):
    """The load balancers of the Kubernetes API and its DNS records. All exist before a machine boots."""

    def __init__(self, name: str, args: EndpointArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Endpoint", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        # The resources without `internal` in their names are public in a cluster with a public endpoint.
        main = self._create_frontend("", "api", internal=not args.public)
        inside = self._create_frontend("-internal", "api-int", internal=True) if args.public else main
        self._create_records(main, inside)
        self.register_outputs({"host": args.host})

    def _create_frontend(self, kind: str, suffix: str, *, internal: bool) -> _Frontend:
        """Create a load balancer with its targets.

        `kind` is a part of the names of resources, `suffix` a part of their names in AWS.
        """
        args, prefix = self._args, f"{self._name}{kind}"
        subnets = args.network.private if internal else args.network.public
        load_balancer = lb.LoadBalancer(
            f"{prefix}-balancer",
            name=args.names.name(suffix),
            load_balancer_type="network",
            internal=internal,
            subnets=list(subnets),
            security_groups=[args.group],
            # Without this setting, a zone without a healthy control plane would not answer.
            enable_cross_zone_load_balancing=True,
            tags=args.names.resource_tags(suffix),
            opts=self._child,
        )
        targets = self._create_targets(prefix, suffix)
        listener = lb.Listener(
            f"{prefix}-listener",
            load_balancer_arn=load_balancer.arn,
            port=args.port,
            protocol="TCP",
            default_actions=[lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            tags=args.names.resource_tags(suffix),
            opts=self._child,
        )
        attachments = [
            lb.TargetGroupAttachment(
                f"{prefix}-target-{member}",
                target_group_arn=targets.arn,
                target_id=address,
                port=API_PORT,
                opts=self._child,
            )
            for member, address in args.members.items()
        ]
        return _Frontend(load_balancer=load_balancer, parts=[listener, *attachments])

    def _create_targets(self, prefix: str, suffix: str) -> lb.TargetGroup:
        """Create the target group for the stable addresses of control planes.

        The load balancer replaces the source address of a connection by its own address. With the original
        address, a control plane could not connect to itself through the load balancer.
        """
        return lb.TargetGroup(
            f"{prefix}-targets",
            name=self._args.names.name(suffix),
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
            tags=self._args.names.resource_tags(suffix),
            opts=self._child,
        )

    def _create_records(self, main: _Frontend, inside: _Frontend) -> None:
        """Create the DNS records of the endpoint: that of the network refers to `inside`.

        A record changes only after its load balancer has targets. The private zone contains only the name of
        the endpoint, so it hides no other name of the domain.
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
        zones: dict[str, tuple[Input[str], _Frontend]] = {"private": (zone.zone_id, inside)}
        if args.hosted_zone:
            zones["hosted"] = (args.hosted_zone, main)
        for kind, (identifier, frontend) in zones.items():
            route53.Record(
                f"{self._name}-record-{kind}",
                zone_id=identifier,
                name=args.host,
                type="A",
                aliases=[
                    route53.RecordAliasArgs(
                        name=frontend.load_balancer.dns_name,
                        zone_id=frontend.load_balancer.zone_id,
                        evaluate_target_health=False,
                    )
                ],
                opts=ResourceOptions(parent=self, depends_on=list(frontend.parts)),
            )
