"""The virtual network: subnets in every zone, gateways, S3 endpoint, flow logs; or an existing network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudwatch, ec2, iam

from providers.aws.names import Names
from providers.aws.policies import Statement, policy_document, trust_policy
from topology.subnets import ZoneSubnets

_LOG_RETENTION_DAYS = 30
SUBNET_ROLES = {"public": "elb", "private": "internal-elb"}
"""The role of subnets in the tags by which controllers of the cluster find the subnets for load balancers."""
_MEMBERS_PREFIX = 27
"""Prefix length of the members' addresses: the first 32 of a subnet (`topology.subnets`)."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Arguments of a new network. `zones` are names of availability zones, one for each item of `subnets`.

    `range` is the address range in CIDR notation. `nat_per_zone` creates a NAT gateway in every zone instead
    of one for all zones: a failed zone then does not cut the outbound traffic of other zones.
    """

    names: Names
    account: Output[str]
    range: str
    zones: Sequence[Input[str]]
    subnets: Sequence[ZoneSubnets]
    nat_per_zone: bool
    flow_logs: bool


@dataclass(frozen=True, kw_only=True)
class NetworkReference:
    """Ids of a new or existing network and of its subnets, in the order of zones.

    `nat_addresses` are the public source addresses of machines, empty for an existing network.
    `machine_dependencies` are resources that machines must wait for.
    """

    vpc: Input[str]
    public: Sequence[Input[str]]
    private: Sequence[Input[str]]
    nat_addresses: Sequence[Output[str]] = ()
    machine_dependencies: Sequence[Resource] = ()


class Network(ComponentResource):
    """A new virtual network for the cluster. `reference` has its ids."""

    reference: NetworkReference

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Network", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.range,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=args.names.resource_tags("vpc", {args.names.kubernetes_tag: "owned"}),
            opts=self._child,
        )
        # Resources without a security group get this one, which allows no traffic.
        ec2.DefaultSecurityGroup(
            f"{name}-default-group",
            vpc_id=self._vpc.id,
            tags=args.names.resource_tags("unused"),
            opts=self._child,
        )
        public = self._create_subnets("public")
        private = self._create_subnets("private")
        reservations = self._reserve_member_addresses(private)
        gateways, nat_addresses = self._create_gateways(public)
        tables = self._create_private_routes(private, gateways)
        self._create_s3_endpoint(tables)
        if args.flow_logs:
            self._create_flow_logs()
        self.reference = NetworkReference(
            vpc=self._vpc.id,
            public=[subnet.id for subnet in public],
            # The ids resolve after the reservations, so nothing can take the address of a member before.
            private=[
                _resolve_after(subnet.id, reservation.id)
                for subnet, reservation in zip(private, reservations, strict=True)
            ],
            nat_addresses=nat_addresses,
            machine_dependencies=[self],
        )
        self.register_outputs({"vpc": self._vpc.id})

    def _create_subnets(self, kind: str) -> list[ec2.Subnet]:
        return [
            ec2.Subnet(
                f"{self._name}-{kind}-{number}",
                vpc_id=self._vpc.id,
                availability_zone=zone,
                cidr_block=str(ranges.public if kind == "public" else ranges.private),
                map_public_ip_on_launch=False,
                # The names of workers are instance ids, and the cloud controller must use the same names.
                private_dns_hostname_type_on_launch="resource-name",
                tags=self._names.resource_tags(
                    f"{kind}-{number}",
                    {self._names.kubernetes_tag: "owned", f"kubernetes.io/role/{SUBNET_ROLES[kind]}": "1"},
                ),
                opts=self._child,
            )
            for number, (zone, ranges) in enumerate(
                zip(self._args.zones, self._args.subnets, strict=True), start=1
            )
        ]

    def _reserve_member_addresses(self, private: Sequence[ec2.Subnet]) -> list[ec2.SubnetCidrReservation]:
        """Reserve the first addresses of each private subnet for members.

        AWS then gives machines of pools only addresses behind them.
        """
        return [
            ec2.SubnetCidrReservation(
                f"{self._name}-members-{number}",
                subnet_id=subnet.id,
                cidr_block=str(next(ranges.private.subnets(new_prefix=_MEMBERS_PREFIX))),
                reservation_type="explicit",
                description="Members, by their own addresses",
                opts=self._child,
            )
            for number, (subnet, ranges) in enumerate(zip(private, self._args.subnets, strict=True), start=1)
        ]

    def _create_gateways(
        self, public: Sequence[ec2.Subnet]
    ) -> tuple[list[ec2.NatGateway], list[Output[str]]]:
        """Create internet gateway, public routes and NAT gateways.

        Return the NAT gateways and their public addresses.
        """
        internet = ec2.InternetGateway(
            f"{self._name}-internet",
            vpc_id=self._vpc.id,
            tags=self._names.resource_tags("internet"),
            opts=self._child,
        )
        internet_route = ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", gateway_id=internet.id)
        table = self._create_route_table("public", [internet_route])
        for number, subnet in enumerate(public, start=1):
            self._associate_subnet(f"public-{number}", subnet, table)
        addresses, gateways = [], []
        for number, subnet in enumerate(public if self._args.nat_per_zone else public[:1], start=1):
            address = ec2.Eip(
                f"{self._name}-nat-{number}-address",
                domain="vpc",
                tags=self._names.resource_tags(f"nat-{number}"),
                opts=self._child,
            )
            gateway = ec2.NatGateway(
                f"{self._name}-nat-{number}",
                allocation_id=address.id,
                subnet_id=subnet.id,
                tags=self._names.resource_tags(f"nat-{number}"),
                opts=ResourceOptions(parent=self, depends_on=[internet]),
            )
            addresses.append(address.public_ip)
            gateways.append(gateway)
        return gateways, addresses

    def _create_private_routes(
        self, private: Sequence[ec2.Subnet], gateways: Sequence[ec2.NatGateway]
    ) -> list[ec2.RouteTable]:
        """Create one route table for each NAT gateway. Zones without a gateway use another zone's table."""
        tables = [
            self._create_route_table(
                f"private-{number}",
                [ec2.RouteTableRouteArgs(cidr_block="0.0.0.0/0", nat_gateway_id=gateway.id)],
            )
            for number, gateway in enumerate(gateways, start=1)
        ]
        for number, subnet in enumerate(private):
            self._associate_subnet(f"private-{number + 1}", subnet, tables[number % len(tables)])
        return tables

    def _create_route_table(self, suffix: str, routes: Sequence[ec2.RouteTableRouteArgs]) -> ec2.RouteTable:
        return ec2.RouteTable(
            f"{self._name}-{suffix}-routes",
            vpc_id=self._vpc.id,
            routes=list(routes),
            tags=self._names.resource_tags(suffix),
            opts=self._child,
        )

    def _associate_subnet(self, suffix: str, subnet: ec2.Subnet, table: ec2.RouteTable) -> None:
        ec2.RouteTableAssociation(
            f"{self._name}-{suffix}-association",
            subnet_id=subnet.id,
            route_table_id=table.id,
            opts=self._child,
        )

    def _create_s3_endpoint(self, tables: Sequence[ec2.RouteTable]) -> None:
        """Create the gateway endpoint of S3: traffic to S3 stays inside the network of AWS and causes no NAT
        cost.
        """
        ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._names.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            tags=self._names.resource_tags("s3"),
            opts=self._child,
        )

    def _create_flow_logs(self) -> None:
        names = self._names
        group = cloudwatch.LogGroup(
            f"{self._name}-flows",
            name=f"/kubewright/{names.cluster}/flows",
            retention_in_days=_LOG_RETENTION_DAYS,
            tags=names.resource_tags("flows"),
            opts=self._child,
        )
        role = iam.Role(
            f"{self._name}-flows-role",
            name=names.name(f"flows-{names.region}"),
            description="Writes the network's flow logs",
            assume_role_policy=self._args.account.apply(
                lambda account: json.dumps(trust_policy("vpc-flow-logs.amazonaws.com", account))
            ),
            permissions_boundary=names.boundary or None,
            tags=names.resource_tags("flows"),
            opts=self._child,
        )
        write_statement = Statement(
            "WriteFlows",
            (
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
            ),
            ("{log_group}", "{log_group}:*"),
        )
        policy = iam.RolePolicy(
            f"{self._name}-flows-policy",
            role=role.id,
            policy=group.arn.apply(lambda arn: policy_document([write_statement], {"log_group": arn})),
            opts=self._child,
        )
        ec2.FlowLog(
            f"{self._name}-flow-log",
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=600,
            tags=names.resource_tags("flows"),
            opts=ResourceOptions(parent=self, depends_on=[policy]),
        )


def _resolve_after(value: Output[str], dependency: Output[str]) -> Output[str]:
    """Return `value` as an output that is resolved only after `dependency` is resolved."""
    resolved: Output[str] = Output.all(value, dependency).apply(lambda values: str(values[0]))
    return resolved
