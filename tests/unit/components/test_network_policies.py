"""Tests of what a cluster has for network policies, with and without a controller, on mocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.components.graph import Graph, Json, cluster_config

Deploy = Callable[[Json], Graph]
BINDING = "cluster-cni-network-policies"
ADMISSION = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"


def deployed(deploy: Deploy, directory: Path, policies: str) -> Graph:
    config = cluster_config(directory, workers=1)
    network: Any = config["network"]
    return deploy(config | {"network": network | {"policies": policies}})


def test_nodes_may_only_read_what_policies_depend_on(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, "enforced")
    rules: Any = graph.node(f"{BINDING}-role").value("rules")
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {resource for rule in rules for resource in rule["resources"]} == {
        *("namespaces", "nodes", "pods", "services"),
        *("endpointslices", "networkpolicies"),
    }
    [subject] = graph.node(BINDING).inputs["subjects"]
    assert (subject["kind"], subject["name"]) == ("Group", "system:nodes")
    assert not graph.of_type(ADMISSION)


def test_ineffective_policies_are_accepted_with_a_warning(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, "none")
    [policy] = graph.of_type(ADMISSION)
    [binding] = graph.of_type(f"{ADMISSION}Binding")
    assert policy.inputs["spec"]["failurePolicy"] == "Ignore"
    [rule] = policy.inputs["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["networkpolicies"], ["CREATE"])
    [validation] = policy.inputs["spec"]["validations"]
    assert validation["expression"] == "false"
    assert "network.policies: enforced" in validation["message"]
    assert binding.inputs["spec"]["validationActions"] == ["Warn"]
    assert binding.inputs["spec"]["policyName"] == policy.inputs["metadata"]["name"]
    assert BINDING not in {node.name for node in graph.nodes.values()}
