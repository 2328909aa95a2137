"""Tests of KEDA in the program, on mocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue
from components.addons.keda import DEFINITIONS
from components.addons.keda_permissions import (
    EDIT_RULES,
    METRICS_SERVER_RULES,
    OPERATOR_NAMESPACE_RULES,
    VIEW_RULES,
    WEBHOOK_RULES,
    operator_rules,
)
from components.rbac import Rule
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from topology.keda import METRICS_SERVER, OPERATOR, PROGRAMS, WEBHOOK, Keda

CUSTOM = Keda(scaled_kinds=(("rollouts", "argoproj.io"),), jobs=False, all_secrets=False, request_seconds=3)
PERMISSIVE = Keda(scaled_kinds=(), jobs=True, all_secrets=True, request_seconds=3)
WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}


def deployed(deploy: Deploy, directory: Path, section: Json | None) -> Graph:
    addons = {} if section is None else {"keda": section}
    return deploy(cluster_config(directory, workers=2, addons=addons))


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    section: Json = {"scaled_kinds": ["rollouts.argoproj.io"], "request_timeout": "10s"}
    return deployed(deploy, tmp_path_factory.mktemp("keda"), section)


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(f"keda-{name}").inputs["spec"])


def pod(graph: Graph, program: str) -> Any:  # noqa: ANN401 - JSON
    return spec(graph, program)["template"]["spec"]


def environment(graph: Graph, program: str) -> dict[str, str]:
    return {item["name"]: item["value"] for item in pod(graph, program)["containers"][0]["env"]}


def verbs(rules: tuple[Rule, ...], group: str, resource: str) -> set[str]:
    return {
        verb
        for rule in rules
        if rule.group == group and resource in rule.resources and not rule.names
        for verb in rule.verbs
    }


def test_cluster_without_the_section_has_no_keda(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, None)
    assert not [node.name for node in without.nodes.values() if "keda" in node.name]


def test_images_are_those_of_the_catalogue(graph: Graph) -> None:
    used = {pod(graph, program)["containers"][0]["image"] for program in PROGRAMS}
    assert used == set(catalogue.images_of("keda"))
    assert "ghcr.io/kedacore/keda:2.21.0" in used


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_has_an_account_and_a_certificate_of_the_cluster(graph: Graph, program: str) -> None:
    assert pod(graph, program)["serviceAccountName"] == program
    name = f"{program}.keda.svc"
    assert graph.node(f"cluster-pki-{program}-request").inputs["dnsNames"] == [name]
    usages = graph.node(f"cluster-pki-{program}").inputs["allowedUses"]
    assert ("client_auth" in usages) == (program == METRICS_SERVER)
    assert "server_auth" in usages
    secret = graph.node(f"keda-certificate-{program}")
    assert set(without_secret_marks(secret.inputs["stringData"])) == {"tls.crt", "tls.key", "ca.crt"}
    assert not [text for text in secret.plain_texts() if "PRIVATE" in text]


@pytest.mark.parametrize("program", PROGRAMS)
def test_pods_have_no_privileges(graph: Graph, program: str) -> None:
    labels = graph.node("keda-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    context = pod(graph, program)["containers"][0]["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    assert pod(graph, program)["securityContext"]["runAsNonRoot"]
    assert pod(graph, program)["containers"][0]["resources"]["limits"].keys() == {"memory"}


def test_api_server_verifies_the_server_of_metrics(graph: Graph) -> None:
    api = spec(graph, "api")
    assert (api["group"], api["version"]) == ("external.metrics.k8s.io", "v1beta1")
    assert api["service"] == {"name": METRICS_SERVER, "namespace": "keda", "port": 443}
    assert api["caBundle"]
    assert "insecureSkipTLSVerify" not in api
    assert {f"keda-{METRICS_SERVER}", f"keda-{OPERATOR}"} <= graph.dependencies(graph.node("keda-api"))


def test_webhooks_check_every_kind_of_the_definitions(graph: Graph) -> None:
    checked = {
        (group, resource)
        for hook in graph.node("keda-validation").inputs["webhooks"]
        for rule in hook["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    definitions = [item["spec"] for item in json.loads(DEFINITIONS.read_text())]
    assert checked == {(item["group"], item["names"]["plural"]) for item in definitions}
    for hook in graph.node("keda-validation").inputs["webhooks"]:
        assert hook["clientConfig"]["caBundle"]
        assert hook["failurePolicy"] == "Ignore"
    assert f"keda-{WEBHOOK}" in graph.dependencies(graph.node("keda-validation"))


def test_only_the_server_of_metrics_reaches_the_operator(graph: Graph) -> None:
    [rule] = spec(graph, f"policy-{OPERATOR}")["ingress"]
    [source] = rule["from"]
    assert source["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": METRICS_SERVER}
    for program in PROGRAMS:
        policy = spec(graph, f"policy-{program}")
        [port] = pod(graph, program)["containers"][0]["ports"]
        assert policy["policyTypes"] == ["Ingress"]
        assert [item["ports"] for item in policy["ingress"]] == [
            [{"protocol": "TCP", "port": port["containerPort"]}]
        ]


def test_settings_are_options_of_the_programs(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    assert environment(graph, OPERATOR)["KEDA_HTTP_DEFAULT_TIMEOUT"] == "10000"
    assert environment(graph, OPERATOR)["KEDA_RESTRICT_SECRET_ACCESS"] == "true"
    open_secrets = deployed(deploy, tmp_path, {"all_secrets": True})
    assert environment(open_secrets, OPERATOR)["KEDA_RESTRICT_SECRET_ACCESS"] == "false"
    arguments = pod(graph, METRICS_SERVER)["containers"][0]["args"]
    assert "--metrics-service-address=keda-operator.keda.svc.cluster.local:9666" in arguments


def test_operator_scales_only_workloads_and_the_named_kinds() -> None:
    rules = operator_rules(CUSTOM)
    scaled = {
        (rule.group, resource) for rule in rules for resource in rule.resources if resource.endswith("/scale")
    }
    assert scaled == {
        ("apps", "deployments/scale"),
        ("apps", "replicasets/scale"),
        ("apps", "statefulsets/scale"),
        ("argoproj.io", "rollouts/scale"),
    }
    assert not [rule for rule in rules if "*" in (rule.group, *rule.resources, *rule.verbs)]
    assert verbs(rules, "argoproj.io", "rollouts") == {"get", "list", "watch"}


def test_operator_reads_secrets_of_other_namespaces_only_if_it_may() -> None:
    assert not verbs(operator_rules(CUSTOM), "", "secrets")
    assert verbs(operator_rules(PERMISSIVE), "", "secrets") == {"get", "list", "watch"}
    assert not WRITES & verbs(OPERATOR_NAMESPACE_RULES, "", "secrets")


def test_operator_creates_jobs_only_if_it_may() -> None:
    assert verbs(operator_rules(CUSTOM), "batch", "jobs") == {"get", "list", "watch"}
    assert {"create", "delete"} <= verbs(operator_rules(PERMISSIVE), "batch", "jobs")


def test_programs_change_neither_webhooks_nor_api_services() -> None:
    tables = (operator_rules(PERMISSIVE), OPERATOR_NAMESPACE_RULES, METRICS_SERVER_RULES, WEBHOOK_RULES)
    groups = {rule.group for table in tables for rule in table}
    assert not groups & {
        "admissionregistration.k8s.io",
        "apiregistration.k8s.io",
        "rbac.authorization.k8s.io",
    }
    written = {
        (rule.group, name)
        for rule in (*METRICS_SERVER_RULES, *WEBHOOK_RULES)
        if WRITES & {*rule.verbs}
        for name in rule.resources
    }
    assert written == {("events.k8s.io", "events")}


def test_operator_can_read_and_change_every_kind_of_keda() -> None:
    """Informers of a kind without permission would keep the operator from starting."""
    for item in json.loads(DEFINITIONS.read_text()):
        group, plural = item["spec"]["group"], item["spec"]["names"]["plural"]
        assert {"get", "list", "watch", "update", "patch"} <= verbs(operator_rules(CUSTOM), group, plural)


def test_users_do_not_change_kinds_of_the_whole_cluster() -> None:
    changed = {name for rule in EDIT_RULES for name in rule.resources}
    assert not [name for name in changed if name.startswith("cluster")]
    assert not [rule for rule in VIEW_RULES if WRITES & {*rule.verbs}]
