"""Tests of the network and the endpoint on AWS."""

from __future__ import annotations

import pytest
from pulumi import RunError

from providers.aws.foundation import first_zones
from providers.aws.limits import MAX_NAME_CHARACTERS
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import graph, inputs_of
from tests.unit.providers.program import section


def with_public_endpoint(cluster: Json) -> None:
    section(cluster, "aws", "endpoint").update({"public": True, "zone": "Z42"})


def alias(resources: Graph, record: str) -> str:
    """Return the name of the load balancer to which a record of the endpoint refers."""
    (target,) = inputs_of(resources, f"aws-endpoint-record-{record}")["aliases"]
    return str(target["name"])


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

    def test_the_endpoint_has_only_an_internal_load_balancer(self, example_resources: Graph) -> None:
        balancer = inputs_of(example_resources, "aws-endpoint-balancer")
        assert balancer["internal"] is True
        assert balancer["enableCrossZoneLoadBalancing"] is True
        assert inputs_of(example_resources, "aws-endpoint-targets")["preserveClientIp"] == "false"
        assert len(example_resources.of_type(":LoadBalancer")) == 1
        assert alias(example_resources, "private") == "aws-endpoint-balancer.example"

    def test_a_public_endpoint_is_a_second_load_balancer(self, example_resources: Graph) -> None:
        resources = graph(with_public_endpoint)
        balancers = {node.name: node.inputs for node in resources.of_type(":LoadBalancer")}
        assert {name: (item["internal"], item["name"]) for name, item in balancers.items()} == {
            "aws-endpoint-balancer": (False, "aws-example-api"),
            "aws-endpoint-internal-balancer": (True, "aws-example-api-int"),
        }
        for name, subnets in (("", "public"), ("internal-", "private")):
            expected = [f"aws-network-{subnets}-{n}-id" for n in (1, 2, 3)]
            assert balancers[f"aws-endpoint-{name}balancer"]["subnets"] == expected
        groups = {item["securityGroups"][0] for item in balancers.values()}
        assert groups == {"aws-firewall-balancer-id"}
        internal = resources.node("aws-endpoint-internal-balancer")
        assert {f"aws-network-members-{n}" for n in (1, 2, 3)} <= resources.dependencies(internal)

    def test_each_load_balancer_has_all_control_planes_as_targets(self) -> None:
        """Test the targets of both: Elastic Load Balancing allows one load balancer for a target group."""
        resources = graph(with_public_endpoint)
        targets: dict[str, set[str]] = {}
        for node in resources.of_type(":TargetGroupAttachment"):
            targets.setdefault(str(node.inputs["targetGroupArn"]), set()).add(str(node.inputs["targetId"]))
        assert len(targets) == 2
        assert set(map(frozenset, targets.values())) == {
            frozenset(f"10.20.{third}.10" for third in (32, 64, 96))
        }
        listeners = {
            str(node.inputs["loadBalancerArn"]): str(node.inputs["defaultActions"][0]["targetGroupArn"])
            for node in resources.of_type(":Listener")
        }
        assert len(listeners) == 2
        assert set(listeners.values()) == set(targets)

    def test_machines_use_the_internal_load_balancer_of_a_public_endpoint(self) -> None:
        resources = graph(with_public_endpoint)
        assert alias(resources, "private") == "aws-endpoint-internal-balancer.example"
        assert alias(resources, "hosted") == "aws-endpoint-balancer.example"
        assert inputs_of(resources, "aws-endpoint-record-hosted")["zoneId"] == "Z42"

    def test_a_record_changes_after_its_load_balancer_has_targets(self) -> None:
        resources = graph(with_public_endpoint)
        for record, kind in (("private", "-internal"), ("hosted", "")):
            before = resources.dependencies(resources.node(f"aws-endpoint-record-{record}"))
            parts = {f"aws-endpoint{kind}-target-cp-{n}" for n in (1, 2, 3)}
            assert parts | {f"aws-endpoint{kind}-listener"} <= before

    def test_names_of_load_balancers_have_at_most_32_characters(self) -> None:
        names = {node.text("name") for node in graph(with_public_endpoint).of_type(":LoadBalancer")}
        longest = max(len(name) for name in names) - len("aws-example") + MAX_NAME_CHARACTERS
        assert longest <= 32
