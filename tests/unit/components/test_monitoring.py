"""Tests of Prometheus and Alertmanager in the program, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts import catalogue
from components.addons.monitoring_alerts import NO_RECEIVER
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_monitoring import SECRETS, full, settings
from topology.monitoring import NAMESPACE, STATE_METRICS_IMAGE

SETS = ("monitoring-prometheus-pods", "monitoring-alertmanager-pods")


def deployed(deploy: Deploy, directory: Path, section: Json | None) -> Graph:
    addons: Json = {"monitoring": section} if section is not None else {}
    config: Any = cluster_config(directory, workers=2, addons=addons)
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("monitoring"), full())


@pytest.fixture(scope="module")
def least(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("least"), settings())


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(name).inputs["spec"])


def pod(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return spec(graph, name)["template"]["spec"]


def container(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    [only] = pod(graph, name)["containers"]
    return only


def config_files(graph: Graph, name: str) -> dict[str, Any]:
    """Return the parsed YAML files of a ConfigMap."""
    data = without_secret_marks(graph.node(f"monitoring-{name}-config").inputs["data"])
    return {key: yaml.safe_load(text) for key, text in data.items() if key.endswith(".yaml")}


def rules(graph: Graph, role: str) -> set[tuple[str, str]]:
    """Return the permissions of a role: resource or path, and verb."""
    return {
        (target, verb)
        for rule in graph.node(role).inputs["rules"]
        for target in (*rule.get("resources", ()), *rule.get("nonResourceURLs", ()))
        for verb in rule["verbs"]
    }


def test_cluster_without_the_section_has_no_monitoring(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, None)
    assert not [
        node.name
        for node in without.nodes.values()
        if any(word in node.name for word in ("monitoring", "prometheus", "worker-metrics", "metrics-cp"))
    ]


def test_secrets_are_only_in_secrets(graph: Graph) -> None:
    secrets = {
        **without_secret_marks(graph.node("monitoring-prometheus-credentials").inputs["stringData"]),
        **without_secret_marks(graph.node("monitoring-alertmanager-credentials").inputs["stringData"]),
    }
    assert {key: value.removeprefix("https://") for key, value in secrets.items()} == dict(
        zip(
            (
                *("central-password", "other-bearer-token", "oncall-routing-key", "chat-api-url"),
                *("hook-url", "hook-bearer-token", "mail-password"),
            ),
            SECRETS,
            strict=True,
        )
    )
    for node in graph.nodes.values():
        texts = [text for text in node.plain_texts() if any(secret in text for secret in SECRETS)]
        assert not texts, node.name


def test_every_file_that_a_configuration_names_is_in_a_secret(graph: Graph) -> None:
    def named(value: Any) -> set[str]:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            files = {item for key, item in value.items() if key.endswith("_file") and isinstance(item, str)}
            return files.union(*(named(item) for item in value.values()))
        return set().union(*(named(item) for item in value)) if isinstance(value, list) else set()

    for component in ("prometheus", "alertmanager"):
        pods = pod(graph, f"monitoring-{component}-pods")
        volumes = {volume["name"]: volume for volume in pods["volumes"]}
        available = {"/var/run/secrets/kubernetes.io/serviceaccount/token"}
        for mount in pods["containers"][0]["volumeMounts"]:
            volume = volumes.get(mount["name"], {})
            if "secret" in volume:
                owner = volume["secret"]["secretName"].removeprefix(f"{component}-")
                keys = graph.node(f"monitoring-{component}-{owner}").inputs["stringData"]
                available |= {f"{mount['mountPath']}/{key}" for key in without_secret_marks(keys)}
        files = named(list(config_files(graph, component).values()))
        assert files
        assert files <= available


def test_alerts_have_their_receivers(graph: Graph) -> None:
    config = config_files(graph, "alertmanager")["alertmanager.yaml"]
    route = config["route"]
    assert route["receiver"] == "chat"
    assert route["routes"] == [
        {"receiver": "oncall", "matchers": ['severity="critical"']},
        {"receiver": NO_RECEIVER, "matchers": ['severity="none"']},
    ]
    assert [receiver["name"] for receiver in config["receivers"]] == [
        NO_RECEIVER,
        "oncall",
        "chat",
        "hook",
        "mail",
    ]
    mail = config["receivers"][-1]["email_configs"][0]
    assert (mail["to"], mail["from"], mail["require_tls"]) == (
        "oncall@corp.example",
        "kubewright@corp.example",
        True,
    )


def test_without_receivers_alerts_notify_no_person(least: Graph) -> None:
    config = config_files(least, "alertmanager")["alertmanager.yaml"]
    assert config["route"]["receiver"] == NO_RECEIVER
    assert config["receivers"] == [{"name": NO_RECEIVER}]
    assert "credentials" not in str(pod(least, "monitoring-alertmanager-pods")["volumes"])


def test_every_scrape_is_over_tls_except_of_pods_of_users(graph: Graph) -> None:
    config = config_files(graph, "prometheus")["prometheus.yaml"]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    plain = {name for name, job in jobs.items() if job.get("scheme") != "https"}
    assert plain == {"pods"}
    assert all(job["tls_config"]["ca_file"] for name, job in jobs.items() if name != "pods")
    assert {
        *("etcd", "apiserver", "controller-manager", "scheduler", "kube-proxy", "kube-router"),
        *("kubelet", "cadvisor", "node-exporter", "node-exporter-of-workers", "kube-proxy-of-workers"),
        *("csr-approver", "prometheus", "alertmanager"),
    } <= {*jobs}
    with_token = {name for name, job in jobs.items() if "authorization" in job}
    assert with_token == {"apiserver", "controller-manager", "scheduler", "kubelet", "cadvisor"}
    assert jobs["etcd"]["static_configs"][0]["labels"] == {"instance": "cp-1"}
    assert all("insecure_skip_verify" not in str(job) for job in jobs.values())


def test_only_prometheus_can_connect_to_alertmanager(graph: Graph) -> None:
    server = config_files(graph, "alertmanager")["web.yaml"]["tls_server_config"]
    assert server["client_auth_type"] == "RequireAndVerifyClientCert"
    assert server["client_allowed_sans"] == ["prometheus.monitoring.svc"]
    policy = graph.node("monitoring-alertmanager-policy").inputs["spec"]
    [rule] = policy["ingress"]
    peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]
    assert peers == ["prometheus", "alertmanager"]


def test_pods_and_machines_can_query_prometheus(graph: Graph) -> None:
    [rule] = graph.node("monitoring-prometheus-policy").inputs["spec"]["ingress"]
    pods, *machines = rule["from"]
    assert pods == {"namespaceSelector": {}}
    assert [peer["ipBlock"]["cidr"] for peer in machines] == ["10.89.0.0/24", "10.244.0.0/16"]
    assert rule["ports"] == [{"port": 9090, "protocol": "TCP"}]


def test_replicas_of_alertmanager_know_each_other(graph: Graph, least: Graph) -> None:
    options = container(graph, "monitoring-alertmanager-pods")["args"]
    assert [text for text in options if text.startswith("--cluster.peer=")] == [
        f"--cluster.peer=alertmanager-{number}.alertmanager-pods.monitoring.svc:9094" for number in (0, 1)
    ]
    assert "--cluster.tls-config=/etc/alertmanager/config/gossip.yaml" in options
    assert "--cluster.listen-address=" in container(least, "monitoring-alertmanager-pods")["args"]
    assert graph.node("monitoring-alertmanager-names").inputs["spec"]["clusterIP"] == "None"


def test_changed_receivers_restart_alertmanager(graph: Graph, least: Graph) -> None:
    metadata = [spec(item, SETS[1])["template"]["metadata"]["annotations"] for item in (graph, least)]
    assert metadata[0] != metadata[1]


def test_data_is_in_volumes_of_the_class(graph: Graph, least: Graph) -> None:
    for name, size in zip(SETS, ("20Gi", "1Gi"), strict=True):
        [claim] = spec(graph, name)["volumeClaimTemplates"]
        assert claim["spec"]["storageClassName"] == "fast"
        assert claim["spec"]["resources"]["requests"] == {"storage": size}
        [volume] = [volume for volume in pod(least, name)["volumes"] if volume["name"] == "data"]
        assert "emptyDir" in volume
        assert "volumeClaimTemplates" not in spec(least, name)


def test_retention_follows_from_the_volume(graph: Graph, least: Graph) -> None:
    retention = [
        config_files(item, "prometheus")["prometheus.yaml"]["storage"]["tsdb"]["retention"]
        for item in (graph, least)
    ]
    assert retention == [
        {"time": "1296000s", "size": f"{16 * 2**30}B"},
        {"time": "1296000s", "size": f"{2 * 2**30}B"},
    ]


def test_permissions_are_minimal(graph: Graph, least: Graph) -> None:
    read = {"get", "list", "watch"}
    expected = {*(("nodes", verb) for verb in read), ("nodes/metrics", "get"), ("/metrics", "get")}
    assert rules(least, "monitoring-role") == expected
    assert rules(graph, "monitoring-role") == expected | {("pods", verb) for verb in read}
    assert rules(least, "monitoring-pods-role") == {("pods", verb) for verb in read}
    assert not pod(graph, SETS[1])["automountServiceAccountToken"]


def test_stores_outside_get_their_credentials_from_files(graph: Graph) -> None:
    stores = config_files(graph, "prometheus")["prometheus.yaml"]["remote_write"]
    directory = "/etc/prometheus/credentials"
    assert stores == [
        {
            "name": "central",
            "url": "https://mimir.example/api/v1/push",
            "basic_auth": {"username": "kubewright", "password_file": f"{directory}/central-password"},
        },
        {
            "name": "other",
            "url": "https://thanos.example/api/v1/receive",
            "authorization": {"credentials_file": f"{directory}/other-bearer-token"},
        },
    ]


@pytest.mark.parametrize("name", SETS)
def test_pods_have_no_privileges(graph: Graph, name: str) -> None:
    labels = graph.node("monitoring-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    context = pod(graph, name)["securityContext"]
    assert context["runAsNonRoot"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container(graph, name)["securityContext"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"]
    secrets = [volume["secret"] for volume in pod(graph, name)["volumes"] if "secret" in volume]
    assert secrets
    assert {secret["defaultMode"] for secret in secrets} == {0o440}
    assert context["fsGroup"]


@pytest.mark.parametrize("name", SETS)
def test_images_are_those_of_the_catalogue(graph: Graph, name: str) -> None:
    component = name.split("-")[1]
    assert (container(graph, name)["image"],) == catalogue.images_of(component)


def test_pods_start_after_what_they_need(graph: Graph) -> None:
    before = graph.dependencies(graph.node(SETS[0]))
    assert {
        *("monitoring-prometheus-tls", "monitoring-prometheus-config", "monitoring-prometheus-rules-config"),
        *("monitoring-prometheus-credentials", "monitoring-binding", "monitoring-namespace"),
    } <= before


def test_pods_run_on_nodes_of_the_pool(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, settings(pool="workers"))
    for name in SETS:
        assert pod(graph, name)["nodeSelector"] == {"kubewright.dev/monitoring": "true"}


def test_state_metrics_read_no_secrets(deploy: Deploy, tmp_path: Path, least: Graph) -> None:
    graph = deployed(deploy, tmp_path, settings(kube_state_metrics=True))
    own = container(graph, "monitoring-kube-state-metrics-pods")
    assert own["image"] == STATE_METRICS_IMAGE
    read = rules(graph, "monitoring-kube-state-metrics-role")
    assert {verb for _, verb in read} == {"list", "watch"}
    resources = {resource for resource, _ in read}
    assert not resources & {"secrets", "configmaps"}
    [option] = [text for text in own["args"] if text.startswith("--resources=")]
    assert {*option.partition("=")[2].split(",")} == resources
    assert {"kubewright.yaml", "workloads.yaml"} == {*config_files(graph, "prometheus-rules")}
    assert not [node for node in least.nodes.values() if "state-metrics" in node.name]
    assert graph.node("monitoring-kube-state-metrics-service").inputs["metadata"]["namespace"] == NAMESPACE
