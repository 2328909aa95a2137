"""Tests of the Gateway API in the add-on that serves Ingress objects, on mocks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest
from jsonschema import Draft202012Validator

from artifacts.catalogue import binary
from components.addons import ingress_gateway
from components.addons.ingress import IngressArgs, IngressController
from components.addons.ingress_gateway import CONTROLLER_RULES, EDIT_RULES, GROUP, VIEW_RULES
from components.api import Api
from testkit.bundles import cluster
from testkit.definitions import closed_schema
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Node, record_graph
from tests.unit.components.test_ingress import container, deployed, of_add_on
from topology.ingress import Ingress

DEFINITION = ":CustomResourceDefinition"


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return an ingress pool with the Gateway API and a given default certificate."""
    return deployed(deploy, tmp_path_factory.mktemp("gateway"), gateway_api=True)


def documents(kind: str) -> list[Any]:
    """Return the stored documents of a kind."""
    stored = json.loads(ingress_gateway._DEFINITIONS.read_text())
    return [document for document in stored if document["kind"] == kind]


def listeners(graph: Graph) -> dict[str, Any]:
    return {item["name"]: item for item in graph.node("ingress-gateway").inputs["spec"]["listeners"]}


def of_the_api(graph: Graph) -> list[Node]:
    """Return the resources of the add-on that only the Gateway API needs."""
    return [node for node in of_add_on(graph) if "gateway" in node.name or node.type.endswith(DEFINITION)]


def test_gateway_api_is_off_by_default(deploy: Deploy, tmp_path: Path, graph: Graph) -> None:
    without = deployed(deploy, tmp_path)
    assert of_the_api(without) == []
    assert not [text for text in container(without)["args"] if "gateway" in text]
    assert len(of_add_on(graph)) == len(of_add_on(without)) + len(of_the_api(graph))
    assert GROUP not in str(without.node("ingress-role").inputs)


def test_definitions_are_the_standard_channel_of_the_version_that_traefik_uses(graph: Graph) -> None:
    """A new version of Traefik needs the definitions of its version, and a comparison of the permissions."""
    sums = (binary("traefik").module / "go.sum").read_text()
    [version] = re.findall(r"^sigs\.k8s\.io/gateway-api (v[0-9.]+) h1:", sums, re.MULTILINE)
    created = graph.of_type(DEFINITION)
    assert len(created) == len(documents("CustomResourceDefinition")) > 0
    for node in created:
        annotations = node.inputs["metadata"]["annotations"]
        assert annotations[f"{GROUP}/bundle-version"] == version
        assert annotations[f"{GROUP}/channel"] == "standard"


def test_definitions_have_the_content_of_upstream(graph: Graph) -> None:
    stored = {item["metadata"]["name"]: item for item in documents("CustomResourceDefinition")}
    for node in graph.of_type(DEFINITION):
        metadata = node.inputs["metadata"]
        document = stored.pop(metadata["name"])
        assert node.inputs["spec"] == document["spec"]
        assert metadata.get("labels") == document["metadata"].get("labels")
        assert document["metadata"]["annotations"].items() <= metadata["annotations"].items()
    assert stored == {}


def test_removal_of_the_setting_keeps_the_routes_of_users(graph: Graph) -> None:
    """A deleted definition deletes all objects of its kind. Only the definitions remain."""
    retained = {node.name for node in graph.nodes.values() if node.retained}
    assert retained == {node.name for node in graph.of_type(DEFINITION)}


def test_definitions_that_remain_can_be_changed_later(graph: Graph) -> None:
    """The official plugin chooses another field manager for a resource that is created again. The API server
    would refuse its changes.
    """
    for node in graph.of_type(DEFINITION):
        assert node.inputs["metadata"]["annotations"]["pulumi.com/patchFieldManager"] == "kubewright"


def test_pods_start_after_the_definitions_and_permissions(graph: Graph) -> None:
    """Traefik serves no route until it can list all kinds."""
    needed = {node.name for node in graph.of_type(DEFINITION)} | {"ingress-gateway", "ingress-binding"}
    assert needed <= graph.dependencies(graph.node("ingress-pods"))


def test_upgrade_policy_of_upstream_is_created(graph: Graph) -> None:
    for kind, name in (
        ("ValidatingAdmissionPolicy", "ingress-gateway-policy"),
        ("ValidatingAdmissionPolicyBinding", "ingress-gateway-policy-binding"),
    ):
        [document] = documents(kind)
        inputs = graph.node(name).inputs
        assert {key: inputs[key] for key in document} == document


def test_gateway_listens_on_the_entry_points_with_the_default_certificate(graph: Graph) -> None:
    arguments = container(graph)["args"]
    for name, listener in listeners(graph).items():
        assert f"--entrypoints.{name}.address=:{listener['port']:.0f}/tcp" in arguments
        assert listener["allowedRoutes"] == {"namespaces": {"from": "All"}}
    assert [item["protocol"] for item in listeners(graph).values()] == ["HTTP", "HTTPS"]
    tls = listeners(graph)["websecure"]["tls"]
    secret = graph.node("ingress-certificate").inputs
    assert tls == {
        "mode": "Terminate",
        "certificateRefs": [{"group": "", "kind": "Secret", "name": secret["metadata"]["name"]}],
    }
    assert graph.node("ingress-gateway").inputs["metadata"]["namespace"] == secret["metadata"]["namespace"]


def test_gateway_and_its_class_are_valid(graph: Graph) -> None:
    schemas = {
        item["spec"]["names"]["kind"]: version["schema"]["openAPIV3Schema"]
        for item in documents("CustomResourceDefinition")
        for version in item["spec"]["versions"]
        if version["name"] == "v1"
    }
    for kind in ("Gateway", "GatewayClass"):
        [node] = graph.of_type(f":{kind}")
        schema = closed_schema(schemas[kind]["properties"]["spec"])
        assert [
            error.message for error in Draft202012Validator(schema).iter_errors(node.inputs["spec"])
        ] == []
    assert graph.node("ingress-gateway-class").inputs["spec"] == {
        "controllerName": "traefik.io/gateway-controller"
    }


def test_certificate_of_an_issuer_is_that_of_the_listener(deploy: Deploy, tmp_path: Path) -> None:
    issued = {"issuer": "lab", "names": ["*.example.com"]}
    graph = deployed(
        deploy,
        tmp_path,
        {"cert_manager": {"issuers": {"lab": {"generated_ca": {}}}}},
        gateway_api=True,
        default_certificate=issued,
    )
    [reference] = listeners(graph)["websecure"]["tls"]["certificateRefs"]
    assert reference["name"] == graph.node("cert-manager-default-certificate").inputs["spec"]["secretName"]


def test_gateway_without_a_certificate_serves_http_only(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, gateway_api=True, default_certificate=None)
    assert list(listeners(graph)) == ["web"]


def test_labels_of_namespaces_restrict_both_listeners(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, gateway_api=True, gateway_namespaces={"team": "shop"})
    allowed = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}}
    assert [item["allowedRoutes"] for item in listeners(graph).values()] == [allowed, allowed]


def test_routes_use_only_backends_of_kubernetes_objects(graph: Graph) -> None:
    """Backends of Traefik itself would circumvent ReferenceGrant objects. Users cannot change `traefik`."""
    arguments = container(graph)["args"]
    assert "--providers.kubernetesgateway.crossprovidernamespaces=traefik" in arguments
    assert not [text for text in arguments if "experimentalchannel" in text]
    assert not [text for text in arguments if "statusaddress" in text]


def test_gateway_behind_a_service_has_its_addresses() -> None:
    def program() -> None:
        provider = kubernetes.Provider("kubernetes")
        ingress = Ingress(pool="", sources=cluster().network.machines, gateway_api=True)
        api = Api(provider=provider, stored_in=provider)
        IngressController("ingress", IngressArgs(api=api, topology=cluster(), ingress=ingress))

    graph = record_graph(program)
    service = graph.node("ingress-service").inputs["metadata"]
    option = "--providers.kubernetesgateway.statusaddress.service"
    assert {f"{option}.name={service['name']}", f"{option}.namespace={service['namespace']}"} <= set(
        container(graph)["args"]
    )


def test_controller_has_exactly_the_permissions_that_it_uses(graph: Graph) -> None:
    """Traefik watches these kinds (pkg/provider/kubernetes/gateway/client.go), and updates their status."""
    watched = {
        ("", "namespaces"),
        ("", "configmaps"),
        *((GROUP, name) for name in ("gatewayclasses", "gateways", "referencegrants", "backendtlspolicies")),
        *((GROUP, name) for name in ("httproutes", "grpcroutes", "tlsroutes")),
    }
    updated = {
        (GROUP, f"{name}/status") for group, name in watched if group == GROUP and name != "referencegrants"
    }
    expected = {(*item, verb) for item in watched for verb in ("list", "watch")}
    expected |= {(*item, "update") for item in updated}
    assert {
        (rule.group, resource, verb)
        for rule in CONTROLLER_RULES
        for resource in rule.resources
        for verb in rule.verbs
    } == expected
    groups = [group for rule in graph.node("ingress-role").inputs["rules"] for group in rule["apiGroups"]]
    assert groups.count(GROUP) == 2


def test_users_can_change_routes_but_no_gateways(graph: Graph) -> None:
    for name, roles in (("view", {"view", "edit", "admin"}), ("edit", {"edit", "admin"})):
        labels = graph.node(f"ingress-gateway-{name}").inputs["metadata"]["labels"]
        assert labels == {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in roles}
    [edit], [view] = EDIT_RULES, VIEW_RULES
    assert {"httproutes", "grpcroutes", "tlsroutes", "referencegrants"} <= set(edit.resources)
    assert not {"gateways", "gatewayclasses"} & set(edit.resources)
    assert set(view.resources) == {*edit.resources, "gateways"}
    assert set(view.verbs) == {"get", "list", "watch"}
