"""Tests of the copies of etcd's snapshots in another region."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.aws import limits
from tests.unit.components.graph import Graph, Json, Node
from tests.unit.providers.aws.program import (
    ACCOUNT,
    aws_resources,
    example_settings,
    graph,
    launch_templates,
    user_data,
    with_dedicated_etcd,
)
from tests.unit.providers.program import section

REGION = "eu-west-1"
BUCKET = f"kw-aws-example-{ACCOUNT}-{REGION}-"


def with_copies(cluster: Json) -> None:
    cluster["environment"] = "production"
    section(cluster, "aws")["snapshot_copies"] = {"region": REGION, "keep_days": 14}


def with_copies_of_dedicated_members(cluster: Json) -> None:
    with_dedicated_etcd(cluster)
    with_copies(cluster)


def of_copies(resources: Graph) -> list[Node]:
    """Return the resources of the bucket for copies."""
    return [node for node in aws_resources(resources) if node.name.startswith("aws-snapshot-copies-")]


def copy_policies(resources: Graph) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of the policies for copies, by name of the policy."""
    return {
        node.name: json.loads(node.text("policy"))["Statement"]
        for node in resources.of_type(":RolePolicy")
        if node.inputs.get("name") == "copies"
    }


@pytest.fixture(scope="module")
def copied() -> Graph:
    return graph(with_copies)


def test_bucket_and_key_are_in_the_other_region(copied: Graph) -> None:
    assert {node.type.rpartition(":")[2] for node in of_copies(copied)} == {
        "Bucket",
        "BucketLifecycleConfiguration",
        "BucketPolicy",
        "BucketPublicAccessBlock",
        "BucketServerSideEncryptionConfiguration",
        "BucketVersioning",
        "Key",
    }
    assert copied.node("aws-copies").inputs["region"] == REGION
    for node in aws_resources(copied):
        expected = "aws-copies" if node in of_copies(copied) else "aws"
        assert node.provider.split("::")[-2] == expected, node.name


def test_bucket_is_encrypted_closed_and_expires(copied: Graph) -> None:
    bucket = copied.node("aws-snapshot-copies-bucket")
    assert bucket.text("bucket").startswith(BUCKET)
    (rule,) = copied.node("aws-snapshot-copies-expiry").inputs["rules"]
    assert rule["expiration"] == {"days": 14}
    (rule,) = copied.node("aws-snapshot-copies-encryption").inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    closed = copied.node("aws-snapshot-copies-closed").inputs
    assert all(
        closed[key] is True
        for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )


def test_copies_are_protected_in_production(copied: Graph) -> None:
    """`down` refuses to delete them until `protect` is removed."""
    assert {node.name for node in of_copies(copied) if node.protect} == {
        "aws-snapshot-copies-bucket",
        "aws-snapshot-copies-key",
    }


@pytest.mark.parametrize(
    ("edit", "identity"), [(with_copies, "control-plane"), (with_copies_of_dedicated_members, "etcd")]
)
def test_only_etcd_members_write_copies_and_none_reads_them(edit: Any, identity: str) -> None:  # noqa: ANN401 - an edit
    resources = graph(edit)
    (policy,) = copy_policies(resources).items()
    name, statements = policy
    assert name == f"aws-identity-{identity}-copies"
    write, key = statements
    (resource,) = write["Resource"]
    assert resource.startswith(f"arn:aws:s3:::{BUCKET}")
    assert resource.endswith("/*")
    assert (write["Action"], key["Action"]) == (["s3:PutObject"], ["kms:GenerateDataKey"])
    assert key["Condition"]["StringEquals"] == {"kms:ViaService": [f"s3.{REGION}.amazonaws.com"]}
    assert key["Condition"]["StringLike"] == {"kms:EncryptionContext:aws:s3:arn": [resource]}
    for template in launch_templates(resources):
        program = user_data(template)
        member = template.name.startswith("e-" if identity == "etcd" else "cp-")
        assert ("cloud_copy()" in program) is member, template.name
        assert (f"COPIES_REGION={REGION}" in program) is member
        assert (f"COPIES=https://{BUCKET}" in program) is member


def test_members_start_when_they_can_copy(copied: Graph) -> None:
    dependencies = copied.dependencies(copied.node("cp-1-group"))
    assert {"aws-identity-control-plane-copies", "aws-snapshot-copies-encryption"} <= dependencies


def test_programs_and_policies_fit_with_copies() -> None:
    settings, aws, topology = example_settings(with_copies)
    assert limits.problems(settings, aws, topology) == []
    for template in launch_templates(graph(with_copies)):
        assert len(user_data(template).encode()) <= limits.MAX_USER_DATA_BYTES, template.name


def test_without_the_setting_nothing_is_created() -> None:
    resources = graph()
    assert of_copies(resources) == []
    assert copy_policies(resources) == {}
    assert "aws-copies" not in {node.name for node in resources.nodes.values()}
    assert not [template for template in launch_templates(resources) if "cloud_copy" in user_data(template)]
