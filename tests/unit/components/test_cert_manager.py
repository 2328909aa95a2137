"""Tests of cert-manager in the program, on mocks."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from artifacts import catalogue
from components.addons import cert_manager
from components.addons.cert_manager_permissions import CONTROLLER_RULES, EDIT_RULES, WEBHOOK_RULES
from testkit.definitions import closed_schema
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_cert_manager import CA, ISSUERS, RFC2136
from topology.cert_manager import NAMESPACE, WEBHOOK

INGRESS: Json = {
    "pool": "workers",
    "sources": ["0.0.0.0/0"],
    "default_certificate": {"issuer": "lab", "names": ["example.com", "*.example.com"]},
}


def deployed(deploy: Deploy, directory: Path, addons: Json) -> Graph:
    config: Any = cluster_config(directory, workers=2, addons=addons)
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a cluster with an issuer of each kind, and an ingress whose certificate one of them signs."""
    addons: Json = {"cert_manager": {"issuers": ISSUERS}, "ingress": INGRESS}
    return deployed(deploy, tmp_path_factory.mktemp("cert-manager"), addons)


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(f"cert-manager-{name}").inputs["spec"])


def container(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    [only] = spec(graph, name)["template"]["spec"]["containers"]
    return only


def definitions() -> list[Any]:
    return [document["spec"] for document in json.loads(cert_manager._DEFINITIONS.read_text())]


def test_cluster_without_the_section_has_no_cert_manager(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, {})
    assert not [node.name for node in without.nodes.values() if "cert-manager" in node.name]


def test_authorities_are_secrets_that_issuers_name(graph: Graph) -> None:
    assert spec(graph, "issuer-company") == {"ca": {"secretName": "issuer-company"}}
    assert spec(graph, "issuer-lab") == {"ca": {"secretName": "issuer-lab"}}
    given = graph.node("cert-manager-secret-company")
    assert without_secret_marks(given.inputs["stringData"]) == {
        "tls.crt": CA["certificate"],
        "tls.key": CA["private_key"],
    }
    for name in ("company", "lab"):
        secret = graph.node(f"cert-manager-secret-{name}")
        assert not [text for text in secret.plain_texts() if "PRIVATE" in text]
    certificate = graph.node("cert-manager-lab-certificate").inputs
    assert certificate["subject"] == {"commonName": "test lab"}
    assert certificate["isCaCertificate"]
    assert certificate["validityPeriodHours"] == 10 * 365 * 24


def test_acme_issuers_have_the_challenges_of_the_settings(graph: Graph) -> None:
    by_http = spec(graph, "issuer-public")["acme"]
    assert by_http["email"] == "ops@example.com"
    assert by_http["privateKeySecretRef"] == {"name": "issuer-public-account"}
    solver = {"ingressClassName": "traefik", "serviceType": "ClusterIP"}
    assert by_http["solvers"] == [{"http01": {"ingress": solver}}]
    [by_dns] = spec(graph, "issuer-names")["acme"]["solvers"]
    assert by_dns["selector"] == {"dnsZones": ["example.com"]}
    assert by_dns["dns01"]["rfc2136"] == {
        "nameserver": "10.0.0.53:53",
        "tsigKeyName": "acme.example.com",
        "tsigAlgorithm": "HMACSHA256",
        "tsigSecretSecretRef": {"name": "issuer-names", "key": "tsig-secret-key"},
    }


def test_private_acme_server_is_trusted_by_its_own_ca_only(graph: Graph) -> None:
    bundle = spec(graph, "issuer-private")["acme"]["caBundle"]
    assert b64decode(bundle).decode() == CA["certificate"]
    assert "caBundle" not in spec(graph, "issuer-public")["acme"]


def test_issuer_with_both_challenges_uses_dns_for_names_in_its_zones(graph: Graph) -> None:
    """cert-manager uses a solver with a matching selector before one without a selector."""
    by_http, by_dns = spec(graph, "issuer-private")["acme"]["solvers"]
    assert "selector" not in by_http
    assert "http01" in by_http
    assert by_dns["selector"] == {"dnsZones": ["example.com"]}
    assert "rfc2136" in by_dns["dns01"]


def test_secret_of_a_tsig_key_is_secret(graph: Graph) -> None:
    secret = without_secret_marks(graph.node("cert-manager-secret-names").inputs["stringData"])
    assert secret == {"tsig-secret-key": RFC2136["secret"]}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if str(RFC2136["secret"]) in text], node.name


def test_default_certificate_is_that_of_an_ingress_without_paths(graph: Graph) -> None:
    names = ["example.com", "*.example.com"]
    certificate = spec(graph, "default-certificate")
    assert certificate["dnsNames"] == names
    assert certificate["issuerRef"]["name"] == "lab"
    served = spec(graph, "default-certificate-ingress")
    assert served["tls"] == [{"hosts": names, "secretName": certificate["secretName"]}]
    assert served["rules"] == [{"host": name} for name in names]
    assert served["ingressClassName"] == "traefik"
    # Another certificate of the issuer does not change the pods.
    pods = graph.node("ingress-pods").inputs["spec"]["template"]
    assert "volumes" not in pods["spec"]
    assert "annotations" not in pods["metadata"]


def test_issuers_exist_before_the_api_server_asks_the_webhook(graph: Graph) -> None:
    """Nodes learn the addresses of the webhook later than the engine learns that its pods are ready."""
    for kind in ("mutation", "validation"):
        before = graph.dependencies(graph.node(f"cert-manager-{kind}"))
        assert {
            "cert-manager-webhook",
            "cert-manager-issuer-lab",
            "cert-manager-default-certificate",
        } <= before
    pods = {"cert-manager-webhook", "cert-manager-controller"}
    assert not pods & graph.dependencies(graph.node("cert-manager-issuer-lab"))


def test_webhook_has_a_certificate_of_the_cluster(graph: Graph) -> None:
    name = f"{WEBHOOK}.{NAMESPACE}.svc"
    request = graph.node("cluster-pki-cert-manager-webhook-request").inputs
    assert request["dnsNames"] == [name]
    for kind in ("mutation", "validation"):
        [hook] = graph.node(f"cert-manager-{kind}").inputs["webhooks"]
        service = hook["clientConfig"]["service"]
        assert f"{service['name']}.{service['namespace']}.svc" == name
        assert hook["failurePolicy"] == "Fail"
        assert hook["clientConfig"]["caBundle"]


@pytest.mark.parametrize("name", ["controller", "webhook"])
def test_pods_have_no_privileges(graph: Graph, name: str) -> None:
    labels = graph.node("cert-manager-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = spec(graph, name)["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    context = container(graph, name)["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert container(graph, name)["resources"]["limits"].keys() == {"memory"}


def test_only_the_port_of_the_webhook_is_open(graph: Graph) -> None:
    closed = spec(graph, "policy-cert-manager")
    assert closed["policyTypes"] == ["Ingress"]
    assert not closed.get("ingress")
    [rule] = spec(graph, "policy-cert-manager-webhook")["ingress"]
    [port] = container(graph, "webhook")["ports"]
    assert rule == {"ports": [{"protocol": "TCP", "port": port["containerPort"]}]}


def test_images_are_those_of_the_catalogue(graph: Graph) -> None:
    solver = next(text for text in container(graph, "controller")["args"] if "solver-image" in text)
    used = {
        container(graph, "controller")["image"],
        container(graph, "webhook")["image"],
        solver.partition("=")[2],
    }
    assert used == set(catalogue.images_of("cert-manager"))


def test_objects_match_their_definitions(graph: Graph) -> None:
    """API servers remove unknown fields without an error, because the definitions do not preserve them."""
    schemas = {
        f"kubernetes:{item['group']}/{version['name']}:{item['names']['kind']}": version["schema"]
        for item in definitions()
        for version in item["versions"]
    }
    objects = [node for node in graph.nodes.values() if ":cert-manager.io/" in node.type]
    assert len(objects) == len(ISSUERS) + 1
    for node in objects:
        schema = closed_schema(schemas[node.type]["openAPIV3Schema"]["properties"]["spec"])
        content = without_secret_marks(node.inputs["spec"])
        errors = Draft202012Validator(schema).iter_errors(content)
        assert not [error.message for error in errors], node.name


def test_controller_can_read_and_change_every_kind() -> None:
    """Informers of a kind without permission would keep the controller from starting."""
    for item in definitions():
        verbs = {
            verb
            for rule in CONTROLLER_RULES
            if rule.group == item["group"] and item["names"]["plural"] in rule.resources
            for verb in rule.verbs
        }
        assert {"get", "list", "watch", "update"} <= verbs, item["names"]["plural"]


def test_users_cannot_create_challenges_and_orders() -> None:
    """They could read the credentials of ClusterIssuers (GHSA-8rvj-mm4h-c258)."""
    verbs = {(name, verb) for rule in EDIT_RULES for name in rule.resources for verb in rule.verbs}
    assert not {("challenges", "create"), ("orders", "create"), ("orders", "update")} & verbs
    assert not [name for name, _ in verbs if name == "clusterissuers"]


def test_webhook_reads_nothing() -> None:
    assert [(rule.resources, rule.verbs) for rule in WEBHOOK_RULES] == [
        (("subjectaccessreviews",), ("create",))
    ]
