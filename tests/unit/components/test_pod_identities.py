"""Tests of the admission policies of identities of pods, on mocks.

tests/engine/test_pod_identities.py applies the same policies on a real API server.
"""

from __future__ import annotations

import json
from dataclasses import replace

from tests.unit.components.pod_identities import READER, identities_graph, manifests


def test_each_identity_has_a_policy_with_a_binding() -> None:
    objects = manifests(READER, replace(READER, name="writer", service_accounts=("web/writer",)))
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert sorted(names) == [
        (kind, f"kubewright-pod-identity-{name}")
        for kind in ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
        for name in ("reader", "writer")
    ]
    bindings = [item for item in objects if item["kind"].endswith("Binding")]
    assert all(item["spec"] == {"policyName": item["metadata"]["name"]} for item in bindings)


def test_a_policy_concerns_only_new_pods_of_its_service_accounts() -> None:
    spec = manifests(READER)[0]["spec"]
    [namespaces] = spec["matchConstraints"]["namespaceSelector"]["matchExpressions"]
    assert (namespaces["operator"], namespaces["values"]) == ("In", ["jobs", "web"])
    [rule] = spec["matchConstraints"]["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])
    accounts, mirrors = (condition["expression"] for condition in spec["matchConditions"])
    assert accounts.endswith('in ["jobs/default", "web/reader"]')
    assert "kubernetes.io/config.mirror" in mirrors


def test_a_pod_is_refused_when_its_identity_cannot_be_added() -> None:
    assert manifests(READER)[0]["spec"]["failurePolicy"] == "Fail"


def test_variables_are_literals_of_cel_with_escaped_quotes() -> None:
    [variable] = manifests(READER)[0]["spec"]["variables"]
    assert json.loads(variable["expression"])[0] == {"name": "CLOUD_ROLE", "value": 'role/"reader"'}


def test_objects_are_deleted_with_etcd_and_the_binding_follows_its_policy() -> None:
    graph = identities_graph(READER)
    policy, binding = (graph.node(f"pod-identities-reader-{kind}") for kind in ("policy", "binding"))
    assert graph.nodes[policy.deleted_with].name == "etcd"
    assert policy.name in graph.dependencies(binding)
