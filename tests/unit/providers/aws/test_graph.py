"""Tests of all resources on AWS: the complete program on mocks, for the example stack."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any, cast

from providers.aws.limits import MAX_USER_DATA_BYTES
from providers.aws.names import CLUSTER_TAG
from tests.unit.components.graph import PRIVATE, Graph, Json, Node
from tests.unit.providers.aws.program import aws_resources, graph, templates, user_data
from tests.unit.providers.program import section


class TestEncryption:
    def test_volumes(self, recorded: Graph) -> None:
        volumes = recorded.of_type("ebs/volume:Volume")
        assert volumes
        assert all(node.inputs["encrypted"] is True for node in volumes)
        for node in templates(recorded):
            (root,) = cast(list[dict[str, Any]], node.inputs["blockDeviceMappings"])
            assert root["ebs"]["encrypted"] == "true"

    def test_volumes_of_pods_are_encrypted(self, recorded: Graph) -> None:
        values = cast(dict[str, Any], recorded.node("aws-addons-aws-ebs-csi-driver").value("values"))
        (default,) = values["storageClasses"]
        assert default["parameters"]["encrypted"] == "true"
        assert default["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"

    def test_the_store(self, recorded: Graph) -> None:
        assert len(recorded.of_type("s3/bucket:Bucket")) == 1
        (encryption,) = recorded.of_type(":BucketServerSideEncryptionConfiguration")
        (rule,) = cast(list[dict[str, Any]], encryption.inputs["rules"])
        assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
        assert recorded.node("aws-store-key").inputs["enableKeyRotation"] is True
        assert cast(Json, recorded.node("aws-store-versions").inputs["versioningConfiguration"]) == {
            "status": "Enabled"
        }
        closed = recorded.node("aws-store-closed").inputs
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert all(closed[flag] is True for flag in flags)

    def test_objects_are_created_after_the_protections_of_the_store(self, recorded: Graph) -> None:
        objects = recorded.of_type(":BucketObjectv2")
        wanted = {"aws-store-versions", "aws-store-encryption", "aws-store-closed", "aws-store-policy"}
        for node in objects:
            assert node.inputs["serverSideEncryption"] == "aws:kms"
            assert wanted <= recorded.dependencies(node)

    def test_the_store_requires_tls(self, recorded: Graph) -> None:
        (statement,) = json.loads(recorded.node("aws-store-policy").text("policy"))["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_resources_with_data_are_protected(self, recorded: Graph) -> None:
        assert {node.protect for node in recorded.of_type("ebs/volume:Volume")} == {True}


class TestSecrets:
    def test_user_data_has_no_secret_and_fits(self, recorded: Graph) -> None:
        for node in templates(recorded):
            assert not node.is_secret("userData"), node.name
            text = user_data(node)
            assert PRIVATE not in text
            assert "BEGIN" not in text
            assert len(text.encode()) <= MAX_USER_DATA_BYTES

    def test_payloads_are_secret_and_texts_are_not(self, recorded: Graph) -> None:
        objects = recorded.of_type(":BucketObjectv2")
        assert len(objects) >= 22
        for node in objects:
            assert node.is_secret("content") == str(node.inputs["key"]).endswith(".payload"), node.name

    def test_nothing_private_is_in_a_plain_input(self, recorded: Graph) -> None:
        for node in recorded.nodes.values():
            assert not [text for text in node.plain() if PRIVATE in text], node.name


def taggable(node: Node) -> bool:
    """Return whether the SDK has an argument `tags` for a resource."""
    module, _, kind = node.type.removeprefix("aws:").partition("/")
    name = kind.partition(":")[2]
    arguments = getattr(importlib.import_module(f"pulumi_aws.{module}"), f"{name}Args", None)
    if arguments is None:  # resource types that were renamed, such as BucketVersioning, and that have no tags
        return False
    return "tags" in inspect.signature(arguments.__init__).parameters


class TestNames:
    def test_every_taggable_resource_has_name_and_cluster_tags(self, recorded: Graph) -> None:
        nodes = [node for node in aws_resources(recorded) if taggable(node)]
        assert len(nodes) > 60
        for node in nodes:
            tags = node.inputs.get("tags")
            if isinstance(tags, list):
                tags = {tag["key"]: tag["value"] for tag in tags}
            assert isinstance(tags, dict), node.name
            assert tags.get(CLUSTER_TAG) == "aws-example", node.name
            assert str(tags.get("Name", "")).startswith("aws-example-"), node.name

    def test_tags_of_the_settings_are_on_machines_and_volumes(self, recorded: Graph) -> None:
        for node in [*templates(recorded), *recorded.of_type("ebs/volume:Volume")]:
            assert cast(Json, node.inputs["tags"])["cost-center"] == "example"
        for node in templates(recorded):
            specified = cast(list[dict[str, Any]], node.inputs["tagSpecifications"])
            assert {one["resourceType"] for one in specified} == {"instance", "volume"}

    def test_machines_and_volumes_have_a_kind_tag(self, recorded: Graph) -> None:
        for node in recorded.of_type("ebs/volume:Volume"):
            assert cast(Json, node.inputs["tags"])["kubewright:kind"] in {
                "members/control-plane",
                "members/etcd",
            }

    def test_every_resource_is_in_the_region_of_the_settings(self, recorded: Graph) -> None:
        assert {"::aws::" in node.provider for node in aws_resources(recorded)} == {True}
        assert recorded.node("aws").inputs["region"] == "eu-central-1"


def sized(minimum: int, maximum: int) -> Any:  # noqa: ANN401  a change of the configuration
    def change(cluster: Json) -> None:
        section(cluster, "pools", "general")["size"] = {"min": minimum, "max": maximum}
        section(cluster, "aws", "quotas")["vcpus"] = 100_000
        section(cluster, "network").update({"pods": "10.128.0.0/12", "node_prefix": 26})
        cluster["kubelet"] = {"max_pods": 40}

    return change


class TestNumbers:
    def test_the_size_of_a_pool_does_not_change_the_number_of_resources(self) -> None:
        small, large = graph(sized(3, 3)), graph(sized(3000, 3000))
        assert small.names == large.names
        node = large.node("pool-general-group")
        assert (node.inputs["minSize"], node.inputs["maxSize"]) == (3000, 3000)

    def test_the_example_is_at_most_120_resources(self) -> None:
        assert len(aws_resources(graph())) <= 120

    def test_nat_gateways_in_every_zone_stay_within_120_resources(self) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "aws", "network")["nat"] = "per-zone"

        found = graph(change)
        assert len(found.of_type(":NatGateway")) == 3
        assert len(aws_resources(found)) <= 120

    def test_another_pool_adds_a_template_a_group_hooks_and_a_role(self) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "pools")["more"] = {
                "size": {"min": 1, "max": 2},
                "machine": {"types": ["m5.large"]},
            }

        before, after = aws_resources(graph()), aws_resources(graph(change))
        new = {node.name for node in after} - {node.name for node in before}
        assert new == {
            "aws-identity-pool-more-role",
            "aws-identity-pool-more-machine",
            "aws-identity-pool-more-profile",
            "pool-more-template",
            "pool-more-group",
            "pool-more-leaving",
            "pool-more-joining",
            "pools-more-node.sh",
            "pools-more-node.payload",
        }
