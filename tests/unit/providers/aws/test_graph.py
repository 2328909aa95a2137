"""What must hold of everything that is made on AWS: the whole program on mocks, from the example stack."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any, cast

import pytest

from providers.aws import addon_rights, rights
from providers.aws.limits import MOST_USER_DATA_BYTES
from providers.aws.names import CLUSTER_TAG
from providers.aws.policies import Statement
from tests.unit.components.graph import PRIVATE, Graph, Json, Node
from tests.unit.providers.aws.program import graph, of_aws, part, user_data

WORLD = {"0.0.0.0/0", "::/0"}


def with_own_etcd(cluster: Json) -> None:
    cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "t3.large"}}


def everything(cluster: Json) -> None:
    with_own_etcd(cluster)
    part(cluster, "aws", "network")["nat"] = "per-zone"
    part(cluster, "aws", "addons")["load_balancers"] = True
    part(cluster, "aws", "endpoint").update({"public": True, "zone": "Z0123456789"})


def open_to_all(cluster: Json) -> None:
    part(cluster, "network")["api_allowed"] = ["0.0.0.0/0"]


@pytest.fixture(scope="module", params=[None, everything], ids=["example", "everything"])
def made(request: pytest.FixtureRequest) -> Graph:
    return graph(request.param)


def templates(found: Graph) -> list[Node]:
    return found.of(":LaunchTemplate")


def ingress(found: Graph) -> list[tuple[str, set[str]]]:
    """The group's name and the networks of each rule that lets something in."""
    rules = [
        (node.name, set(cast(list[str], rule.get("cidrBlocks", []))))
        for node in found.of(":SecurityGroup")
        for rule in cast(list[dict[str, Any]], node.inputs.get("ingress", []))
    ]
    rules += [(n.name, {str(n.inputs.get("cidrIpv4", ""))}) for n in found.of(":SecurityGroupIngressRule")]
    return rules


def policies(found: Graph) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every policy of a role."""
    nodes = [*found.of(":RolePolicy"), *found.of("iam/policy:Policy")]
    return [(node.name, one) for node in nodes for one in json.loads(node.text("policy"))["Statement"]]


class TestOpenness:
    def test_no_group_lets_the_world_in(self, made: Graph) -> None:
        assert len(ingress(made)) > 15
        assert [rule for rule in ingress(made) if rule[1] & WORLD] == []

    def test_only_the_balancers_group_is_as_open_as_the_api_is_allowed_to_be(self) -> None:
        found = {name for name, networks in ingress(graph(open_to_all)) if networks & WORLD}
        assert found == {"aws-firewall-balancer"}

    def test_the_balancer_lets_in_who_is_allowed_and_the_machines(self) -> None:
        (networks,) = [networks for name, networks in ingress(graph()) if name == "aws-firewall-balancer"]
        assert networks == {"192.0.2.0/24", "10.20.0.0/16", "198.51.100.7/32"}

    def test_no_ssh_without_a_key(self, made: Graph) -> None:
        for node in made.of(":SecurityGroupIngressRule"):
            assert node.inputs["fromPort"] != 22
        for node in made.of(":SecurityGroup"):
            rules = cast(list[dict[str, Any]], node.inputs.get("ingress", []))
            assert not [rule for rule in rules if rule["fromPort"] == 22]

    def test_the_default_group_lets_nothing_through(self, made: Graph) -> None:
        node = made.named("aws-network-default-group")
        assert "ingress" not in node.inputs
        assert "egress" not in node.inputs

    def test_machines_have_no_public_address(self, made: Graph) -> None:
        assert {node.inputs["mapPublicIpOnLaunch"] for node in made.of(":Subnet")} == {False}
        for node in templates(made):
            for interface in cast(list[dict[str, Any]], node.inputs.get("networkInterfaces", [])):
                assert "associatePublicIpAddress" not in interface

    def test_etcd_is_reached_by_members_alone(self) -> None:
        found = graph(with_own_etcd)
        node = found.named("aws-firewall-etcd")
        rules = {rule["fromPort"]: rule for rule in cast(list[dict[str, Any]], node.inputs["ingress"])}
        own = {f"10.20.{third}.20/32" for third in (32, 64, 96)}
        assert set(rules[2380]["cidrBlocks"]) == own
        assert set(rules[2379]["cidrBlocks"]) == own | {f"10.20.{third}.10/32" for third in (32, 64, 96)}
        workers = {n.inputs["fromPort"] for n in found.of(":SecurityGroupIngressRule")}
        assert not workers & {2379, 2380, 6443}

    def test_a_group_of_the_cluster_is_named_once_for_the_cloud_controller(self, made: Graph) -> None:
        tagged = [
            node.name
            for node in made.of(":SecurityGroup")
            if "kubernetes.io/cluster/aws-example" in cast(Json, node.inputs["tags"])
        ]
        assert tagged == ["aws-firewall-workers"]


class TestEncryption:
    def test_volumes(self, made: Graph) -> None:
        volumes = made.of("ebs/volume:Volume")
        assert volumes
        assert all(node.inputs["encrypted"] is True for node in volumes)
        for node in templates(made):
            (root,) = cast(list[dict[str, Any]], node.inputs["blockDeviceMappings"])
            assert root["ebs"]["encrypted"] == "true"

    def test_volumes_that_pods_ask_for(self, made: Graph) -> None:
        values = cast(dict[str, Any], made.named("aws-addons-aws-ebs-csi-driver").value("values"))
        (default,) = values["storageClasses"]
        assert default["parameters"]["encrypted"] == "true"
        assert default["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"

    def test_the_store(self, made: Graph) -> None:
        assert len(made.of("s3/bucket:Bucket")) == 1
        (encryption,) = made.of(":BucketServerSideEncryptionConfiguration")
        (rule,) = cast(list[dict[str, Any]], encryption.inputs["rules"])
        assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
        assert made.named("aws-store-key").inputs["enableKeyRotation"] is True
        assert cast(Json, made.named("aws-store-versions").inputs["versioningConfiguration"]) == {
            "status": "Enabled"
        }
        closed = made.named("aws-store-closed").inputs
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert all(closed[flag] is True for flag in flags)

    def test_objects_come_after_the_store_is_closed(self, made: Graph) -> None:
        objects = made.of(":BucketObjectv2")
        wanted = {"aws-store-versions", "aws-store-encryption", "aws-store-closed", "aws-store-policy"}
        for node in objects:
            assert node.inputs["serverSideEncryption"] == "aws:kms"
            assert wanted <= made.before(node)

    def test_the_store_answers_by_tls_alone(self, made: Graph) -> None:
        (statement,) = json.loads(made.named("aws-store-policy").text("policy"))["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_what_holds_data_is_protected(self, made: Graph) -> None:
        assert {node.protect for node in made.of("ebs/volume:Volume")} == {True}


class TestRights:
    def test_no_action_is_a_pattern(self, made: Graph) -> None:
        assert len(policies(made)) > 20
        assert [s for _, s in policies(made) if any("*" in action for action in s["Action"])] == []

    def test_every_resource_that_is_anything_has_its_reason(self, made: Graph) -> None:
        reasons = {statement.name for statement in known_statements() if statement.because}
        found = {s["Sid"] for _, s in policies(made) if "*" in s["Resource"]}
        assert found <= reasons
        services = (
            "acm:",
            "autoscaling:Describe",
            "ec2:Describe",
            "ec2:Get",
            "elasticloadbalancing:Describe",
        )
        for _, statement in policies(made):
            if "*" in statement["Resource"] and statement["Sid"] != "Sessions":
                assert all(action.startswith(services) for action in statement["Action"])

    def test_every_other_resource_is_this_accounts_or_this_clusters(self, made: Graph) -> None:
        for name, statement in policies(made):
            for resource in set(statement["Resource"]) - {"*"}:
                own = "123456789012" in resource or resource.startswith(
                    ("arn:aws:s3:::kubewright-aws-example-", "arn:aws:ec2:eu-central-1::snapshot/")
                )
                assert own, f"{name} {resource}"

    def test_a_kind_reads_its_own_prefix_and_no_other(self) -> None:
        found = graph(with_own_etcd)
        reading = {
            name: set(statement["Resource"])
            for name, statement in policies(found)
            if "s3:GetObject" in statement["Action"]
        }
        store = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1"
        assert reading == {
            "aws-identity-control-plane-machine": {f"{store}/members/control-plane/*"},
            "aws-identity-etcd-machine": {f"{store}/members/etcd/*"},
            "aws-identity-pools-machine": {f"{store}/pools/*"},
        }

    def test_workers_may_call_for_nothing_but_themselves(self, made: Graph) -> None:
        allowed = {
            action
            for name, statement in policies(made)
            if name.startswith("aws-identity-pools-")
            for action in statement["Action"]
        }
        assert allowed == {
            "s3:GetObject",
            "s3:PutObject",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        }

    def test_instances_ask_the_metadata_service_with_a_token_from_one_hop(self, made: Graph) -> None:
        assert len(templates(made)) >= 5
        for node in templates(made):
            options = cast(dict[str, Any], node.inputs["metadataOptions"])
            assert options["httpTokens"] == "required", node.name
            assert options["httpPutResponseHopLimit"] == 1, node.name
            assert options["instanceMetadataTags"] == "disabled", node.name

    def test_what_calls_aws_in_the_cluster_is_on_the_control_planes_host_network(self, made: Graph) -> None:
        for node in made.nodes.values():
            if not node.name.startswith("aws-addons-"):
                continue
            values = cast(dict[str, Any], node.value("values"))
            where = values.get("controller", values)
            assert where["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}, node.name
            on_host = (
                values.get("hostNetwork") or values.get("hostNetworking") or node.inputs.get("postrender")
            )
            assert on_host, node.name
        assert len([n for n in made.nodes.values() if n.name.startswith("aws-addons-")]) >= 3


class TestSecrets:
    def test_user_data_has_none_and_fits(self, made: Graph) -> None:
        for node in templates(made):
            assert not node.is_secret("userData"), node.name
            text = user_data(node)
            assert PRIVATE not in text
            assert "BEGIN" not in text
            assert len(text.encode()) <= MOST_USER_DATA_BYTES

    def test_payloads_are_secret_and_texts_are_not(self, made: Graph) -> None:
        objects = made.of(":BucketObjectv2")
        assert len(objects) >= 22
        for node in objects:
            assert node.is_secret("content") == str(node.inputs["key"]).endswith(".payload"), node.name

    def test_nothing_private_is_in_a_plain_input(self, made: Graph) -> None:
        for node in made.nodes.values():
            assert not [text for text in node.plain() if PRIVATE in text], node.name


def taggable(node: Node) -> bool:
    """Whether the SDK's resource takes tags."""
    module, _, kind = node.type.removeprefix("aws:").partition("/")
    name = kind.partition(":")[2]
    arguments = getattr(importlib.import_module(f"pulumi_aws.{module}"), f"{name}Args", None)
    if arguments is None:  # renamed ones: BucketVersioning and the like, which have none
        return False
    return "tags" in inspect.signature(arguments.__init__).parameters


class TestNames:
    def test_everything_taggable_has_its_name_and_its_cluster(self, made: Graph) -> None:
        nodes = [node for node in of_aws(made) if taggable(node)]
        assert len(nodes) > 60
        for node in nodes:
            tags = node.inputs.get("tags")
            if isinstance(tags, list):
                tags = {tag["key"]: tag["value"] for tag in tags}
            assert isinstance(tags, dict), node.name
            assert tags.get(CLUSTER_TAG) == "aws-example", node.name
            assert str(tags.get("Name", "")).startswith("aws-example-"), node.name

    def test_the_administrators_tags_are_on_machines_and_volumes(self, made: Graph) -> None:
        for node in [*templates(made), *made.of("ebs/volume:Volume")]:
            assert cast(Json, node.inputs["tags"])["cost-center"] == "example"
        for node in templates(made):
            specified = cast(list[dict[str, Any]], node.inputs["tagSpecifications"])
            assert {one["resourceType"] for one in specified} == {"instance", "volume"}

    def test_machines_and_volumes_carry_their_kind(self, made: Graph) -> None:
        for node in made.of("ebs/volume:Volume"):
            assert cast(Json, node.inputs["tags"])["kubewright:kind"] in {
                "members/control-plane",
                "members/etcd",
            }

    def test_every_resource_of_aws_is_made_by_the_settings_region(self, made: Graph) -> None:
        assert {"::aws::" in node.provider for node in of_aws(made)} == {True}
        assert made.named("aws").inputs["region"] == "eu-central-1"


def sized(least: int, most: int) -> Any:  # noqa: ANN401  a change of the configuration
    def change(cluster: Json) -> None:
        part(cluster, "pools", "general")["size"] = {"min": least, "max": most}
        part(cluster, "aws", "quotas")["vcpus"] = 100_000
        part(cluster, "network").update({"pods": "10.128.0.0/12", "node_prefix": 26})
        cluster["kubelet"] = {"max_pods": 40}

    return change


class TestNumbers:
    def test_a_pool_of_3000_is_as_many_resources_as_one_of_3(self) -> None:
        small, large = graph(sized(3, 3)), graph(sized(3000, 3000))
        assert small.names == large.names
        node = large.named("pool-general-group")
        assert (node.inputs["minSize"], node.inputs["maxSize"]) == (3000, 3000)

    def test_the_example_is_at_most_120_resources(self) -> None:
        assert len(of_aws(graph())) <= 120

    def test_a_nat_gateway_in_every_zone_is_within_that_too(self) -> None:
        def change(cluster: Json) -> None:
            part(cluster, "aws", "network")["nat"] = "per-zone"

        found = graph(change)
        assert len(found.of(":NatGateway")) == 3
        assert len(of_aws(found)) <= 120

    def test_a_pool_more_is_a_template_a_group_and_its_hooks(self) -> None:
        def change(cluster: Json) -> None:
            part(cluster, "pools")["more"] = {
                "size": {"min": 1, "max": 2},
                "machine": {"types": ["m5.large"]},
            }

        before, after = of_aws(graph()), of_aws(graph(change))
        new = {node.name for node in after} - {node.name for node in before}
        assert new == {
            "pool-more-template",
            "pool-more-group",
            "pool-more-leaving",
            "pool-more-joining",
            "pools-more-node.sh",
            "pools-more-node.payload",
        }


def known_statements() -> list[Statement]:
    return [
        *rights.machine("pools", volume=True),
        *rights.SNAPSHOT_MAKER,
        *addon_rights.CLOUD_CONTROLLER,
        *addon_rights.STORAGE,
        *addon_rights.AUTOSCALER,
        *addon_rights.LOAD_BALANCERS,
    ]
