"""Tests of the permissions with which nodes pull images from registries of ECR."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import example_config, graph, run_program, with_dedicated_etcd
from tests.unit.providers.aws.test_permissions import policy_statements
from tests.unit.providers.program import section, write_index

REPOSITORIES = "arn:aws:ecr:eu-central-1:123456789012:repository"


def with_registries(cluster: Json) -> None:
    with_dedicated_etcd(cluster)
    section(cluster, "aws")["image_registries"] = [
        {"account": "123456789012", "region": "eu-central-1", "pull_through": ["docker-hub", "k8s"]},
        {"account": "210987654321", "region": "eu-west-1"},
    ]


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the resources of the example with registries and a pinned index that has the program."""
    file = write_index(tmp_path_factory.mktemp("index"), "ecr-credential-provider")

    def edit(cluster: Json) -> None:
        with_registries(cluster)
        section(cluster, "artifacts")["index"] = str(file)

    return graph(edit)


def image_policies(resources: Graph) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the statements about ECR by policy and name of the statement."""
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for name, statement in policy_statements(resources):
        if any(action.startswith("ecr:") for action in statement["Action"]):
            result.setdefault(name, {})[statement["Sid"]] = statement
    return result


def test_roles_of_nodes_pull_from_the_registries_and_other_roles_do_not(registries: Graph) -> None:
    policies = image_policies(registries)
    assert sorted(policies) == [
        "aws-identity-control-plane-images",
        "aws-identity-pool-batch-images",
        "aws-identity-pool-general-images",
    ]
    for statements in policies.values():
        assert statements["ImageToken"]["Action"] == ["ecr:GetAuthorizationToken"]
        assert statements["Images"]["Action"] == [
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ]
        assert statements["Images"]["Resource"] == [
            f"{REPOSITORIES}/*",
            "arn:aws:ecr:eu-west-1:210987654321:repository/*",
        ]


def test_nodes_add_only_images_of_pull_through_caches(registries: Graph) -> None:
    for statements in image_policies(registries).values():
        assert statements["CachedImages"]["Action"] == [
            "ecr:BatchImportUpstreamImage",
            "ecr:CreateRepository",
        ]
        assert statements["CachedImages"]["Resource"] == [
            f"{REPOSITORIES}/docker-hub/*",
            f"{REPOSITORIES}/k8s/*",
        ]


def test_machines_wait_for_their_permission(registries: Graph) -> None:
    policy = "aws-identity-pool-general-images"
    assert policy in registries.dependencies(registries.node("pool-general-group"))


def test_preview_shows_the_registries_as_data(registries: Graph) -> None:
    objects = [node.text("content") for node in registries.of_type(":BucketObjectv2")]
    scripts = [text for text in objects if "/etc/kubernetes/credential-providers.json" in text]
    assert len(scripts) == 5  # three control planes and two pools
    for text in scripts:
        assert '        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",\n' in text


def test_index_without_the_program_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        run_program(example_config(with_registries))
    assert "ecr-credential-provider 1.36.1: not in the mirror" in caplog.text


def test_cluster_without_image_registries_has_no_permission(example_resources: Graph) -> None:
    assert image_policies(example_resources) == {}
