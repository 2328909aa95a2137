"""Tests of the network and the endpoint on AWS."""

from __future__ import annotations

import pytest
from pulumi import RunError

from providers.aws.foundation import first_zones
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import graph, inputs_of
from tests.unit.providers.program import section


class TestNetwork:
    def test_an_existing_network_is_not_changed(self) -> None:
        def edit(cluster: Json) -> None:
            zones = section(cluster, "aws")["zones"]
            assert isinstance(zones, list)
            section(cluster, "aws", "network").update(
                {
                    "vpc": "vpc-1",
                    "private": {
                        z: {"id": f"subnet-{n}", "range": f"10.20.{n}.0/24"} for n, z in enumerate(zones)
                    },
                }
            )

        resources = graph(edit)
        assert not resources.of_type("ec2/vpc:Vpc")
        assert not resources.of_type(":NatGateway")
        assert inputs_of(resources, "cp-2-seat-interface")["subnetId"] == "subnet-1"
        assert inputs_of(resources, "cp-2-seat-interface")["privateIps"] == ["10.20.1.10"]
        assert inputs_of(resources, "aws-endpoint-balancer")["subnets"] == [
            "subnet-0",
            "subnet-1",
            "subnet-2",
        ]
        # Controllers find subnets for load balancers by these tags.
        nodes = resources.of_type("ec2/tag:Tag")
        tags = {(node.inputs["resourceId"], node.inputs["key"]): node for node in nodes}
        for subnet in ("subnet-0", "subnet-1", "subnet-2"):
            assert tags[subnet, "kubernetes.io/role/internal-elb"].inputs["value"] == "1"
            assert tags[subnet, "kubernetes.io/role/internal-elb"].retained
            assert tags[subnet, "kubernetes.io/cluster/aws-example"].inputs["value"] == "shared"

    def test_a_number_of_zones_selects_zones_of_the_region(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws")["zones"] = 3

        resources = graph(edit)
        assert inputs_of(resources, "aws-network-private-3")["availabilityZone"] == "x-1c"
        assert inputs_of(resources, "cp-3-group")["availabilityZones"] == ["x-1c"]

    def test_error_for_more_zones_than_the_region_has(self) -> None:
        with pytest.raises(
            RunError, match=r"aws.zones: 4: x-1 has only 3 zones \(x-1a, x-1b, x-1c\); request"
        ):
            first_zones(["x-1a", "x-1b", "x-1c"], 4, "x-1")

    def test_addresses_of_members_are_reserved(self, example_resources: Graph) -> None:
        reservation_types = {
            node.inputs["cidrBlock"]: node.inputs["reservationType"]
            for node in example_resources.of_type(":SubnetCidrReservation")
        }
        assert reservation_types == {f"10.20.{32 * n}.0/27": "explicit" for n in (1, 2, 3)}
        # In a small subnet the balancer's own address could be a member's, if it came first.
        reservations = {f"aws-network-members-{n}" for n in (1, 2, 3)}
        assert reservations <= example_resources.dependencies(example_resources.node("aws-endpoint-balancer"))
        assert reservations <= example_resources.dependencies(example_resources.node("pool-general-group"))

    def test_the_endpoint_is_internal_unless_it_is_public(self, example_resources: Graph) -> None:
        balancer = inputs_of(example_resources, "aws-endpoint-balancer")
        assert balancer["internal"] is True
        assert balancer["enableCrossZoneLoadBalancing"] is True
        assert inputs_of(example_resources, "aws-endpoint-targets")["preserveClientIp"] == "false"

        def edit(cluster: Json) -> None:
            section(cluster, "aws", "endpoint").update({"public": True, "zone": "Z42"})

        resources = graph(edit)
        public_balancer = inputs_of(resources, "aws-endpoint-balancer")
        assert public_balancer["internal"] is False
        assert public_balancer["subnets"] == [f"aws-network-public-{n}-id" for n in (1, 2, 3)]
        assert {node.inputs.get("zoneId") for node in resources.of_type("route53/record:Record")} >= {"Z42"}
