"""Tests of a permissions boundary for all roles of a cluster."""

from __future__ import annotations

from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import ACCOUNT, graph, with_pod_roles
from tests.unit.providers.program import section

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def with_boundary(cluster: Json) -> None:
    with_pod_roles(cluster)
    section(cluster, "aws")["permissions_boundary"] = BOUNDARY


def test_every_role_has_the_boundary() -> None:
    roles = graph(with_boundary).of_type("iam/role:Role")
    assert {"aws-identity-control-plane-role", "aws-identity-snapshots-role", "aws-network-flows-role"} < {
        role.name for role in roles
    }
    assert any("pod" in role.name for role in roles)
    assert {str(role.inputs.get("permissionsBoundary")) for role in roles} == {BOUNDARY}


def test_roles_have_no_boundary_without_the_setting() -> None:
    roles = graph(with_pod_roles).of_type("iam/role:Role")
    assert not [role.name for role in roles if "permissionsBoundary" in role.inputs]
