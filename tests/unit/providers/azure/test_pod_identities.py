"""Tests of the identities of pods on Azure: issuer, managed identities, credentials, roles, and policies."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from policy.rules import table
from policy.rules.model import Resource
from providers.azure.exposure import publishes_only_issuer
from providers.azure.pod_identities import credential_name
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Json, Node, without_secret_marks
from tests.unit.policy.checks import FACTS
from tests.unit.providers.azure.program import DATA_CONTAINER, AzurePlugins, with_pod_identities
from tests.unit.providers.program import ExampleStack, section

ISSUER = "https://examplekubewrightissuer.blob.core.windows.net/oidc"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


class Plugins(AzurePlugins, CertificatePluginMocks):
    """Mocks of the Azure plugin, with real keys."""


EXAMPLE = ExampleStack("azure-example", Plugins)


@pytest.fixture(scope="module")
def cluster() -> Graph:
    return EXAMPLE.graph(with_pod_identities)


def inputs_of(node: Node) -> dict[str, Any]:
    return cast(dict[str, Any], without_secret_marks(node.inputs))


def command_of(graph: Graph, name: str) -> dict[str, Any]:
    return inputs_of(graph.node(name))


def policies(graph: Graph) -> dict[str, dict[str, Any]]:
    """Return the specifications of the admission policies by name."""
    nodes = [node for node in graph.nodes.values() if node.type.endswith(":MutatingAdmissionPolicy")]
    return {inputs_of(node)["metadata"]["name"]: inputs_of(node)["spec"] for node in nodes}


def test_everyone_may_read_the_blobs_of_the_issuer_and_list_nothing(cluster: Graph) -> None:
    account, container = cluster.node("azure-pods-issuer"), cluster.node("azure-pods-documents")
    assert account.inputs["allowBlobPublicAccess"] is True
    assert account.inputs["allowSharedKeyAccess"] is False
    assert container.inputs["publicAccess"] == "Blob"
    public = [
        node.name
        for node in cluster.of_type("storage:BlobContainer")
        if node.inputs["publicAccess"] != "None"
    ]
    assert public == ["azure-pods-documents"]


def test_the_two_documents_are_published_with_the_rsa_key_of_tokens(cluster: Graph) -> None:
    discovery, keys = (command_of(cluster, f"azure-pods-{name}") for name in ("discovery", "keys"))
    assert discovery["create"].endswith(f" put {ISSUER} .well-known/openid-configuration")
    assert keys["create"].endswith(f" put {ISSUER} openid/v1/jwks")
    document = json.loads(discovery["stdin"])
    assert (document["issuer"], document["jwks_uri"]) == (ISSUER, f"{ISSUER}/openid/v1/jwks")
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    [key] = json.loads(keys["stdin"])["keys"]
    assert (key["kty"], key["alg"]) == ("RSA", "RS256")


def test_documents_are_text_in_a_preview(cluster: Graph) -> None:
    for name in ("discovery", "keys"):
        assert isinstance(cluster.node(f"azure-pods-{name}").inputs["stdin"], str)


def test_api_servers_write_the_issuer_into_tokens(cluster: Graph) -> None:
    texts = [text for node in cluster.nodes.values() for text in node.plain_texts()]
    flags = {line.strip() for text in texts for line in text.splitlines() if "service-account-" in line}
    assert any(f"--service-account-issuer={ISSUER}" in flag for flag in flags)
    assert any(f"--service-account-jwks-uri={ISSUER}/openid/v1/jwks" in flag for flag in flags)


def test_each_service_account_has_a_credential_one_after_another(cluster: Graph) -> None:
    nodes = cluster.of_type("managedidentity:FederatedIdentityCredential")
    found = {node.name: (node.inputs["subject"], node.inputs["resourceName"]) for node in nodes}
    assert found == {
        "azure-pods-reader-web.reader": (
            "system:serviceaccount:web:reader",
            "azure-example-pod-reader",
        ),
        "azure-pods-reader-jobs.report.daily": (
            "system:serviceaccount:jobs:report.daily",
            "azure-example-pod-reader",
        ),
        "azure-pods-other-web.other": ("system:serviceaccount:web:other", "azure-example-pod-other"),
    }
    for node in nodes:
        assert (node.inputs["issuer"], node.inputs["audiences"]) == (ISSUER, ["api://AzureADTokenExchange"])
    names = ("web.reader", "jobs.report.daily")
    first, second = (cluster.node(f"azure-pods-reader-{name}") for name in names)
    assert first.urn in second.depends_on


def test_roles_are_assigned_to_their_identity_only(cluster: Graph) -> None:
    [assignment] = [
        node
        for node in cluster.of_type("authorization:RoleAssignment")
        if node.name.startswith("azure-pods-")
    ]
    assert assignment.inputs["scope"] == DATA_CONTAINER
    assert assignment.inputs["principalId"] == "azure-pods-reader-principal"
    assert str(assignment.inputs["roleDefinitionId"]).endswith(f"/roleDefinitions/{READER}")


def test_pods_receive_what_the_sdks_of_azure_read(cluster: Graph) -> None:
    policy = policies(cluster)["kubewright-pod-identity-reader"]
    [variables] = [json.loads(item["expression"]) for item in policy["variables"]]
    assert {item["name"]: item["value"] for item in variables} == {
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        "AZURE_CLIENT_ID": "azure-pods-reader-client",
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/tokens/azure-identity-token",
        "AZURE_TENANT_ID": "tenant",
    }
    assert '"api://AzureADTokenExchange"' in json.dumps(policy["mutations"]).replace('\\"', '"')


def test_other_clouds_of_azure_have_their_own_issuer_and_login() -> None:
    def edit(cluster: Json) -> None:
        with_pod_identities(cluster)
        section(cluster, "azure").update({"cloud": "usgovernment", "location": "usgovvirginia"})

    graph = EXAMPLE.graph(edit)
    issuer = "https://examplekubewrightissuer.blob.core.usgovcloudapi.net/oidc"
    command = command_of(graph, "azure-pods-keys")["create"]
    assert f"--cloud usgovernment put {issuer} openid/v1/jwks" in command
    assert "https://login.microsoftonline.us/" in json.dumps(policies(graph))


def test_a_stack_without_the_setting_has_no_resource_more() -> None:
    graph = EXAMPLE.graph()
    assert not [node.name for node in graph.nodes.values() if "azure-pods" in node.name]
    assert not policies(graph)


def test_the_issuer_is_the_only_public_store(cluster: Graph) -> None:
    def messages(issuer_store: str) -> set[str]:
        facts = replace(FACTS, cluster="azure-example", issuer_store=issuer_store)
        resources = (
            Resource(type=node.type, urn=node.urn, inputs=node.inputs)
            for node in cluster.nodes.values()
            if node.type.startswith("azure-native:storage:")
        )
        found = [violation for item in resources for violation in table.check_resource(item, facts)]
        return {violation.message for violation in found if violation.rule == "no-public-store"}

    assert messages("examplekubewrightissuer") == set()
    assert len(messages("")) == len(messages("another")) == 2


@pytest.mark.parametrize(
    "change",
    [{"publicAccess": "Container"}, {"containerName": "reports"}, {"accountName": "another"}],
    ids=lambda change: str(change),
)
def test_another_public_container_is_a_violation(cluster: Graph, change: Json) -> None:
    kind, inputs = "azure-native:storage:BlobContainer", cluster.node("azure-pods-documents").inputs
    assert publishes_only_issuer(kind, inputs, "examplekubewrightissuer")
    assert not publishes_only_issuer(kind, {**inputs, **change}, "examplekubewrightissuer")


@pytest.mark.parametrize(
    ("first", "second"),
    [("a-b/c", "a/b-c"), ("web/a.b", "web/a-b"), ("web/" + "a" * 200, "web/" + "a" * 201)],
)
def test_names_of_credentials_differ_and_are_valid(first: str, second: str) -> None:
    names = {credential_name(first), credential_name(second)}
    assert len(names) == 2
    for name in names:
        assert len(name) <= 120
        assert name.replace("-", "").isalnum()
