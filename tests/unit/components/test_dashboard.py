"""Tests of the dashboard in the program, on mocks: its login, its Ingress and the values of its chart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, Node, cluster_config, without_secret_marks
from tests.unit.settings.wrong_dashboard import CORP, SECRET, complete, settings

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TYPES = {
    "clusterRoleBinding.create": bool,
    "automountServiceAccountToken": bool,
    "config.inCluster": bool,
    "config.oidc.secret.create": bool,
    "config.oidc.externalSecret.enabled": bool,
    "config.unsafeUseServiceAccountToken": bool,
    "env": list,
    "podAnnotations": dict,
    "podSecurityContext": dict,
    "securityContext.readOnlyRootFilesystem": bool,
    "ingress.enabled": bool,
    "resources": dict,
    "volumes": list,
    "volumeMounts": list,
}
"""The values that Kubewright sets, with their types in upstream's values.yaml."""


def deployed(deploy: Deploy, directory: Path, addons: Json, issuer: Json) -> Graph:
    (directory / "ca.pem").write_text(CERTIFICATE)
    config: Any = cluster_config(directory, workers=2, addons=addons)
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    return deploy(config | {"api": {"oidc": {"corp": issuer}}})


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    directory = tmp_path_factory.mktemp("dashboard")
    edits = complete(
        scopes=["profile", "groups"],
        values={"config": {"sessionTTL": 3600}, "podAnnotations": {"team": "platform"}},
    )
    return deployed(deploy, directory, edits["addons"], {**CORP, "ca_file": str(directory / "ca.pem")})


@pytest.fixture(scope="module")
def small(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("small"), {"dashboard": settings()}, CORP)


def release(graph: Graph) -> Node:
    (node,) = [node for node in graph.of_type("helm.sh/v3:Release") if node.name == "dashboard-release"]
    return node


def values(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(release(graph).inputs["values"])


def environment(graph: Graph) -> dict[str, Any]:
    prefix = "HEADLAMP_CONFIG_OIDC_"
    variables = values(graph)["env"]
    return {item["name"].removeprefix(prefix): item.get("value") or item["valueFrom"] for item in variables}


def test_cluster_without_the_section_has_nothing_of_it(deploy: Deploy, tmp_path: Path) -> None:
    without = deploy(cluster_config(tmp_path, workers=2))
    assert not [node.name for node in without.nodes.values() if "dashboard" in node.name]


def test_release_is_the_official_chart_after_what_it_needs(graph: Graph) -> None:
    node = release(graph)
    assert (node.inputs["chart"], node.inputs["version"], node.inputs["namespace"]) == (
        "headlamp",
        "0.44.0",
        "headlamp",
    )
    repository = without_secret_marks(node.inputs["repositoryOpts"])
    assert repository == {"repo": "https://kubernetes-sigs.github.io/headlamp/"}
    before = ("namespace", "policy", "client", "issuer-ca")
    assert {graph.node(f"dashboard-{name}").urn for name in before} <= node.depends_on


def test_people_log_in_as_users_of_the_api_servers(graph: Graph) -> None:
    assert environment(graph) == {
        "CLIENT_ID": "headlamp",
        "IDP_ISSUER_URL": CORP["url"],
        "SCOPES": "profile,groups",
        "CALLBACK_URL": "https://headlamp.example.com/oidc-callback",
        "USE_PKCE": "true",
        "CA_FILE": "/etc/headlamp/issuer/ca.crt",
        "CLIENT_SECRET": {"secretKeyRef": {"name": "oidc-client", "key": "client-secret"}},
    }
    authority = graph.node("dashboard-issuer-ca")
    assert authority.inputs["metadata"]["name"] == "issuer-ca"
    assert authority.inputs["data"] == {"ca.crt": CERTIFICATE}
    (mount,) = values(graph)["volumeMounts"]
    assert mount["mountPath"] == "/etc/headlamp/issuer"


def test_pod_has_no_permissions(graph: Graph, small: Graph) -> None:
    for cluster in (graph, small):
        assert values(cluster)["clusterRoleBinding"] == {"create": False}
        assert values(cluster)["config"]["unsafeUseServiceAccountToken"] is False
    bound = [node for node in graph.of_type("RoleBinding") if "headlamp" in json.dumps(node.inputs)]
    assert bound == []


def test_secret_of_the_client_is_only_in_its_secret(graph: Graph) -> None:
    node = graph.node("dashboard-client")
    assert without_secret_marks(node.inputs["stringData"]) == {"client-secret": SECRET}
    for other in graph.nodes.values():
        assert not [text for text in other.plain_texts() if SECRET in text], other.name
    assert SECRET not in json.dumps(values(graph)), "Helm keeps values in its records"


def test_values_are_visible_and_a_changed_secret_restarts_the_pod(
    graph: Graph, deploy: Deploy, tmp_path: Path
) -> None:
    assert not release(graph).is_secret("values"), "a preview would not show them"
    other = deployed(deploy, tmp_path, complete(client_secret="another-client-secret")["addons"], CORP)
    digests = {values(cluster)["podAnnotations"]["kubewright.dev/login"] for cluster in (graph, other)}
    assert len(digests) == 2


def test_pages_are_served_over_https_with_a_certificate_of_the_issuer(graph: Graph) -> None:
    node = graph.node("dashboard-ingress")
    metadata, spec = node.inputs["metadata"], without_secret_marks(node.inputs["spec"])
    assert metadata["annotations"]["traefik.ingress.kubernetes.io/router.entrypoints"] == "websecure"
    assert metadata["annotations"]["cert-manager.io/cluster-issuer"] == "corp"
    assert spec["ingressClassName"] == "traefik"
    assert spec["tls"] == [{"hosts": ["headlamp.example.com"], "secretName": "headlamp-web-certificate"}]
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "headlamp", "port": {"number": 80}}
    assert {"cert-manager-issuer-corp", "dashboard-namespace"} <= graph.dependencies(node)


def test_default_certificate_of_the_ingress_serves_pages_without_an_issuer(
    deploy: Deploy, tmp_path: Path
) -> None:
    addons = complete(ingress={"host": "headlamp.example.com"})["addons"]
    node = deployed(deploy, tmp_path, addons, CORP).node("dashboard-ingress")
    assert without_secret_marks(node.inputs["spec"])["tls"] == [{"hosts": ["headlamp.example.com"]}]
    assert not [key for key in node.inputs["metadata"]["annotations"] if "cert-manager" in key]


def test_only_the_ingress_reaches_the_pod(graph: Graph, small: Graph) -> None:
    spec = without_secret_marks(graph.node("dashboard-policy").inputs["spec"])
    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "headlamp"}}
    (rule,) = spec["ingress"]
    (peer,) = rule["from"]
    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}
    assert peer["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "traefik"}}
    assert [port["port"] for port in rule["ports"]] == [4466]
    assert without_secret_marks(small.node("dashboard-policy").inputs["spec"])["ingress"] == []


def test_dashboard_without_an_ingress_is_reached_by_a_forwarded_port(small: Graph) -> None:
    assert environment(small)["CALLBACK_URL"] == "http://localhost:4466/oidc-callback"
    assert environment(small)["SCOPES"] == "profile,email"
    assert "CA_FILE" not in environment(small)
    assert not [
        node for node in small.nodes.values() if node.name in {"dashboard-ingress", "dashboard-issuer-ca"}
    ]


def test_further_values_add_to_those_of_kubewright(graph: Graph) -> None:
    assert values(graph)["config"]["sessionTTL"] == 3600
    assert values(graph)["config"]["inCluster"] is True
    assert values(graph)["podAnnotations"]["team"] == "platform"


def test_values_have_the_names_and_types_of_upstream(graph: Graph) -> None:
    for path, kind in TYPES.items():
        value = values(graph)
        for key in path.split("."):
            value = value[key]
        assert isinstance(value, kind), path
    assert values(graph).keys() == {path.partition(".")[0] for path in TYPES}
