"""Tests of a KMS key of the account for all disks."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import ACCOUNT, graph, launch_templates
from tests.unit.providers.aws.test_permissions import policy_statements
from tests.unit.providers.program import section

KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"


@pytest.fixture(scope="module")
def keyed() -> Graph:
    def edit(cluster: Json) -> None:
        section(cluster, "aws")["disk_key"] = KEY

    return graph(edit)


def test_every_disk_uses_the_key(keyed: Graph) -> None:
    assert {node.inputs["kmsKeyId"] for node in keyed.of_type("ebs/volume:Volume")} == {KEY}
    for node in launch_templates(keyed):
        (root,) = cast(list[dict[str, Any]], node.inputs["blockDeviceMappings"])
        assert root["ebs"]["kmsKeyId"] == KEY, node.name
    values = cast(dict[str, Any], keyed.node("aws-addons-aws-ebs-csi-driver").value("values"))
    assert values["storageClasses"][0]["parameters"]["kmsKeyId"] == KEY


def test_auto_scaling_can_use_the_key_before_it_starts_machines(keyed: Graph) -> None:
    grant = keyed.node("aws-disk-key-grant")
    assert grant.inputs["keyId"] == KEY
    role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    assert grant.inputs["granteePrincipal"] == f"arn:aws:iam::{ACCOUNT}:{role}"
    assert {"CreateGrant", "Decrypt", "GenerateDataKeyWithoutPlaintext"} <= set(
        cast(list[str], grant.inputs["operations"])
    )
    for group in ("cp-1-group", "pool-general-group"):
        assert grant.name in keyed.dependencies(keyed.node(group))


def test_members_can_attach_their_volumes(keyed: Graph) -> None:
    statements = {
        statement["Sid"]: statement
        for name, statement in policy_statements(keyed)
        if name == "aws-identity-control-plane-disk-key"
    }
    assert statements["DiskKeyGrant"]["Resource"] == [KEY]
    assert statements["DiskKeyGrant"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": ["true"]}
    assert "kms:Decrypt" in statements["DiskKey"]["Action"]
    assert not [name for name, _ in policy_statements(keyed) if "pool-" in name and "disk-key" in name]


def test_without_a_key_nothing_is_granted() -> None:
    resources = graph()
    assert "aws-disk-key-grant" not in {node.name for node in resources.nodes.values()}
    assert not [node for node in resources.of_type("ebs/volume:Volume") if "kmsKeyId" in node.inputs]
