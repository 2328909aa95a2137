"""Tests of all resources on AWS: the complete program on mocks, for the example stack."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any, cast

from providers.aws.limits import MAX_USER_DATA_BYTES
from providers.aws.names import CLUSTER_TAG
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, Json, Node
from tests.unit.providers.aws.program import ACCOUNT, aws_resources, graph, launch_templates, user_data
from tests.unit.providers.program import ROOT, section


class TestEncryption:
    def test_volumes(self, resources: Graph) -> None:
        volumes = resources.of_type("ebs/volume:Volume")
        assert volumes
        assert all(node.inputs["encrypted"] is True for node in volumes)
        for node in launch_templates(resources):
            (root,) = cast(list[dict[str, Any]], node.inputs["blockDeviceMappings"])
            assert root["ebs"]["encrypted"] == "true"

    def test_volumes_of_pods_are_encrypted(self, resources: Graph) -> None:
        values = cast(dict[str, Any], resources.node("aws-addons-aws-ebs-csi-driver").value("values"))
        (default,) = values["storageClasses"]
        assert default["parameters"]["encrypted"] == "true"
        assert default["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"

    def test_the_store(self, resources: Graph) -> None:
        assert len(resources.of_type("s3/bucket:Bucket")) == 1
        (encryption,) = resources.of_type(":BucketServerSideEncryptionConfiguration")
        (rule,) = cast(list[dict[str, Any]], encryption.inputs["rules"])
        assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
        assert resources.node("aws-store-key").inputs["enableKeyRotation"] is True
        assert cast(Json, resources.node("aws-store-versions").inputs["versioningConfiguration"]) == {
            "status": "Enabled"
        }
        access_block = resources.node("aws-store-closed").inputs
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert all(access_block[flag] is True for flag in flags)

    def test_objects_are_created_after_the_protections_of_the_store(self, resources: Graph) -> None:
        objects = resources.of_type(":BucketObjectv2")
        expected = {"aws-store-versions", "aws-store-encryption", "aws-store-closed", "aws-store-policy"}
        for node in objects:
            assert node.inputs["serverSideEncryption"] == "aws:kms"
            assert expected <= resources.dependencies(node)

    def test_the_store_requires_tls(self, resources: Graph) -> None:
        (statement,) = json.loads(resources.node("aws-store-policy").text("policy"))["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_resources_with_data_are_protected(self, resources: Graph) -> None:
        assert {node.protect for node in resources.of_type("ebs/volume:Volume")} == {True}


class TestSecrets:
    def test_user_data_has_no_secret_and_fits(self, resources: Graph) -> None:
        for node in launch_templates(resources):
            assert not node.is_secret("userData"), node.name
            text = user_data(node)
            assert PRIVATE_PREFIX not in text
            assert "BEGIN" not in text
            assert len(text.encode()) <= MAX_USER_DATA_BYTES

    def test_payloads_are_secret_and_texts_are_not(self, resources: Graph) -> None:
        objects = resources.of_type(":BucketObjectv2")
        assert len(objects) >= 22
        for node in objects:
            assert node.is_secret("content") == str(node.inputs["key"]).endswith(".payload"), node.name

    def test_nothing_private_is_in_a_plain_input(self, resources: Graph) -> None:
        for node in resources.nodes.values():
            assert not [text for text in node.plain_texts() if PRIVATE_PREFIX in text], node.name


def is_taggable(node: Node) -> bool:
    """Return whether the SDK has an argument `tags` for a resource."""
    module, _, kind = node.type.removeprefix("aws:").partition("/")
    name = kind.partition(":")[2]
    arguments = getattr(importlib.import_module(f"pulumi_aws.{module}"), f"{name}Args", None)
    if arguments is None:  # resource types that were renamed, such as BucketVersioning, and that have no tags
        return False
    return "tags" in inspect.signature(arguments.__init__).parameters


class TestNames:
    def test_every_taggable_resource_has_name_and_cluster_tags(self, resources: Graph) -> None:
        nodes = [node for node in aws_resources(resources) if is_taggable(node)]
        assert len(nodes) > 60
        for node in nodes:
            tags = node.inputs.get("tags")
            if isinstance(tags, list):
                tags = {tag["key"]: tag["value"] for tag in tags}
            assert isinstance(tags, dict), node.name
            assert tags.get(CLUSTER_TAG) == "aws-example", node.name
            assert str(tags.get("Name", "")).startswith("aws-example-"), node.name

    def test_tags_of_the_settings_are_on_machines_and_volumes(self, resources: Graph) -> None:
        for node in [*launch_templates(resources), *resources.of_type("ebs/volume:Volume")]:
            assert cast(Json, node.inputs["tags"])["cost-center"] == "example"
        for node in launch_templates(resources):
            specifications = cast(list[dict[str, Any]], node.inputs["tagSpecifications"])
            assert {specification["resourceType"] for specification in specifications} == {
                "instance",
                "volume",
            }

    def test_machines_and_volumes_have_a_kind_tag(self, resources: Graph) -> None:
        for node in resources.of_type("ebs/volume:Volume"):
            assert cast(Json, node.inputs["tags"])["kubewright:kind"] in {
                "members/control-plane",
                "members/etcd",
            }

    def test_every_resource_is_in_the_region_of_the_settings(self, resources: Graph) -> None:
        assert {"::aws::" in node.provider for node in aws_resources(resources)} == {True}
        assert resources.node("aws").inputs["region"] == "eu-central-1"


def with_pool_size(minimum: int, maximum: int) -> Any:  # noqa: ANN401  a change of the configuration
    def edit(cluster: Json) -> None:
        section(cluster, "pools", "general")["size"] = {"min": minimum, "max": maximum}
        section(cluster, "aws", "quotas")["vcpus"] = 100_000
        section(cluster, "network").update({"pods": "10.128.0.0/12", "node_prefix": 26})
        cluster["kubelet"] = {"max_pods": 40}

    return edit


class TestNumbers:
    def test_the_size_of_a_pool_does_not_change_the_number_of_resources(self) -> None:
        small, large = graph(with_pool_size(3, 3)), graph(with_pool_size(3000, 3000))
        assert small.names == large.names
        node = large.node("pool-general-group")
        assert (node.inputs["minSize"], node.inputs["maxSize"]) == (1000, 1000)

    def test_the_example_is_at_most_130_resources(self) -> None:
        count = len(aws_resources(graph()))
        assert count <= 130
        assert f"The stack has {count} AWS resources" in (ROOT / "docs/aws.md").read_text()

    def test_nat_gateways_in_every_zone_stay_within_135_resources(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "network")["nat"] = "per-zone"

        resources = graph(edit)
        assert len(resources.of_type(":NatGateway")) == 3
        assert len(aws_resources(resources)) <= 135

    def test_another_pool_adds_a_template_a_role_and_a_group_with_hooks_in_each_zone(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools")["more"] = {
                "size": {"min": 1, "max": 2},
                "machine": {"types": ["m5.large"]},
            }

        before, after = aws_resources(graph()), aws_resources(graph(edit))
        new = {node.name for node in after} - {node.name for node in before}
        assert new == {
            "aws-identity-pool-more-role",
            "aws-identity-pool-more-machine",
            "aws-identity-pool-more-profile",
            "pool-more-template",
            "pool-more-group",
            "pool-more-leaving",
            "pool-more-joining",
            "pool-more-zone-2-group",
            "pool-more-zone-2-leaving",
            "pool-more-zone-2-joining",
            "pools-more-node.sh",
            "pools-more-node.payload",
        }


class TestAccount:
    def test_credentials_of_another_account_are_refused(self) -> None:
        def set_account(cluster: Json) -> None:
            section(cluster, "aws")["account"] = ACCOUNT

        (provider,) = graph(set_account).of_type("providers:aws")
        assert json.loads(cast(str, provider.inputs["allowedAccountIds"])) == [ACCOUNT]

    def test_without_an_account_the_provider_has_the_inputs_of_earlier_releases(self) -> None:
        (provider,) = graph().of_type("providers:aws")
        assert "allowedAccountIds" not in provider.inputs
