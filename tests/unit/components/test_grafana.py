"""Tests of Grafana in the program, on mocks: its logins, certificates, data sources and values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import (
    PRIVATE_PREFIX,
    Graph,
    Json,
    Node,
    cluster_config,
    without_secret_marks,
)
from tests.unit.settings.wrong_dashboard import ISSUERS
from tests.unit.settings.wrong_grafana import CLIENT_SECRET, OIDC, PASSWORD, monitored, settings
from tests.unit.settings.wrong_ingress import VALID as INGRESS

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TYPES = {
    "rbac.create": bool,
    "serviceAccount.create": bool,
    "automountServiceAccountToken": bool,
    "enableServiceLinks": bool,
    "testFramework.enabled": bool,
    "initChownData.enabled": bool,
    "deploymentStrategy.type": str,
    "securityContext": dict,
    "containerSecurityContext": dict,
    "resources": dict,
    "ingress.enabled": bool,
    "nodeSelector": dict,
    "tolerations": list,
    "persistence.size": str,
    "persistence.storageClassName": str,
    "admin.existingSecret": str,
    "admin.userKey": str,
    "admin.passwordKey": str,
    "extraConfigmapMounts": list,
    "extraSecretMounts": list,
    "grafana.ini": dict,
    "podAnnotations": dict,
}
"""The values that Kubewright sets, with their types in upstream's values.yaml."""


def deployed(deploy: Deploy, directory: Path, grafana: Json, **addons: Any) -> Graph:  # noqa: ANN401 - JSON
    (directory / "ca.pem").write_text(CERTIFICATE)
    monitoring = monitored(grafana) | {"pool": "workers"}
    config: Any = cluster_config(directory, workers=2, addons={"monitoring": monitoring, **addons})
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    directory = tmp_path_factory.mktemp("grafana")
    grafana = settings(
        oidc=OIDC | {"ca_file": str(directory / "ca.pem"), "userinfo_url": "https://login.example.com/me"},
        ingress={"host": "grafana.example.com", "issuer": "corp"},
        storage={"size": "10Gi", "storage_class": "fast"},
        values={"grafana.ini": {"log": {"level": "debug"}}},
    )
    addons = {
        "ingress": INGRESS,
        "cert_manager": {"issuers": ISSUERS},
        "logs": {"loki": {"storage": "5Gi"}},
    }
    return deployed(deploy, directory, grafana, **addons)


@pytest.fixture(scope="module")
def small(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("small"), settings())


def release(graph: Graph) -> Node:
    (node,) = [node for node in graph.of_type("helm.sh/v3:Release") if node.name == "grafana-release"]
    return node


def values(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(release(graph).inputs["values"])


def ini(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return values(graph)["grafana.ini"]


def sources(graph: Graph) -> dict[str, Json]:
    document = yaml.safe_load(graph.node("grafana-data-sources").inputs["data"]["kubewright.yaml"])
    return {source["uid"]: source for source in document["datasources"]}


def texts(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(name).inputs["stringData"])


def test_monitoring_without_grafana_has_nothing_of_it(deploy: Deploy, tmp_path: Path) -> None:
    config: Any = cluster_config(tmp_path, workers=2, addons={"monitoring": {"kube_state_metrics": False}})
    without = deploy(config)
    assert not [node.name for node in without.nodes.values() if "grafana" in node.name]
    web = without.node("monitoring-alertmanager-config").inputs["data"]["web.yaml"]
    assert yaml.safe_load(web)["tls_server_config"]["client_allowed_sans"] == ["prometheus.monitoring.svc"]


def test_release_is_the_chart_of_the_community_after_what_it_needs(graph: Graph) -> None:
    node = release(graph)
    assert (node.inputs["name"], node.inputs["chart"], node.inputs["version"]) == (
        "grafana",
        "grafana",
        "12.11.2",
    )
    assert node.inputs["namespace"] == "monitoring"
    before = (
        "policy",
        "credentials",
        "tls",
        "loki-tls",
        "issuer-ca",
        "data-sources",
        "providers",
        "dashboards",
    )
    assert {graph.node(f"grafana-{name}").urn for name in before} <= node.depends_on
    assert graph.node("monitoring-namespace").urn in node.depends_on


def test_secrets_are_only_in_the_secret_of_grafana(graph: Graph) -> None:
    assert texts(graph, "grafana-credentials") == {
        "admin-user": "admin",
        "admin-password": PASSWORD,
        "client-secret": CLIENT_SECRET,
    }
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if PASSWORD in text or CLIENT_SECRET in text], (
            node.name
        )
    everything = json.dumps(values(graph))
    for secret in (PASSWORD, CLIENT_SECRET, PRIVATE_PREFIX):
        assert secret not in everything, "Helm keeps values in its records"
    assert not release(graph).is_secret("values"), "a preview would not show them"


def test_data_sources_have_tls_with_a_certificate_of_grafana(graph: Graph) -> None:
    expected = {
        "prometheus": ("https://prometheus.monitoring.svc:9090", "tls", "kubernetes-ca.crt"),
        "alertmanager": ("https://alertmanager.monitoring.svc:9093", "tls", "kubernetes-ca.crt"),
        "loki": ("https://loki.logs.svc:3100", "loki-tls", "ca.crt"),
    }
    assert sources(graph).keys() == expected.keys()
    for name, (url, directory, authority) in expected.items():
        source: Any = sources(graph)[name]
        assert (source["url"], source["type"]) == (url, name)
        assert source["jsonData"]["tlsAuth"] is True
        assert source["jsonData"]["tlsAuthWithCACert"] is True
        assert source["jsonData"]["serverName"] == url.split("/")[2].partition(":")[0]
        assert source["secureJsonData"] == {
            "tlsCACert": f"$__file{{/etc/grafana/{directory}/{authority}}}",
            "tlsClientCert": f"$__file{{/etc/grafana/{directory}/tls.crt}}",
            "tlsClientKey": f"$__file{{/etc/grafana/{directory}/tls.key}}",
        }
    mounts = {item["mountPath"]: item["secretName"] for item in values(graph)["extraSecretMounts"]}
    assert mounts == {
        "/etc/grafana/tls": "grafana-tls",
        "/etc/grafana/loki-tls": "grafana-loki-tls",
        "/etc/grafana/credentials": "grafana-credentials",
    }
    assert texts(graph, "grafana-tls").keys() == {"tls.crt", "tls.key", "kubernetes-ca.crt"}
    assert texts(graph, "grafana-loki-tls").keys() == {"tls.crt", "tls.key", "ca.crt"}


def test_alertmanager_and_loki_admit_grafana_and_no_other_pod(graph: Graph, small: Graph) -> None:
    web = graph.node("monitoring-alertmanager-config").inputs["data"]["web.yaml"]
    names = yaml.safe_load(web)["tls_server_config"]["client_allowed_sans"]
    assert names == ["prometheus.monitoring.svc", "grafana.monitoring.svc"]
    alertmanager = without_secret_marks(graph.node("monitoring-alertmanager-policy").inputs["spec"])
    peers = [peer["podSelector"]["matchLabels"] for peer in alertmanager["ingress"][0]["from"]]
    label = "app.kubernetes.io/name"
    assert [peer[label] for peer in peers] == ["prometheus", "alertmanager", "grafana"]
    assert graph.node("logs-certificates-grafana").type.endswith(":LocallySignedCert")
    loki = without_secret_marks(graph.node("logs-loki-policy").inputs["spec"])["ingress"][0]["from"]
    assert loki[-1] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {label: "grafana"}},
    }
    assert not [node.name for node in small.nodes.values() if "loki" in node.name]


def test_logs_can_be_kept_from_grafana(deploy: Deploy, tmp_path: Path) -> None:
    logs = {"loki": {"storage": "5Gi"}}
    without = deployed(deploy, tmp_path, settings(logs=False), logs=logs)
    assert {*sources(without)} == {"prometheus", "alertmanager"}
    assert not [
        node.name
        for node in without.of_type(":LocallySignedCert")
        if "logs" in node.name and "grafana" in node.name
    ]
    peers = without_secret_marks(without.node("logs-loki-policy").inputs["spec"])["ingress"][0]["from"]
    assert "grafana" not in json.dumps(peers)


def test_only_the_ingress_reaches_grafana(graph: Graph, small: Graph) -> None:
    spec = without_secret_marks(graph.node("grafana-policy").inputs["spec"])
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "grafana"}
    assert [port["port"] for port in spec["ingress"][0]["ports"]] == [3000]
    assert without_secret_marks(small.node("grafana-policy").inputs["spec"])["ingress"] == []
    assert graph.node("grafana-ingress").inputs["metadata"]["namespace"] == "monitoring"
    assert ini(graph)["server"]["root_url"] == "https://grafana.example.com/"
    assert ini(graph)["security"]["cookie_secure"] is True
    assert ini(small)["server"]["root_url"] == "http://localhost:3000/"


def test_pod_has_no_account_and_no_privileges(graph: Graph) -> None:
    own = values(graph)
    assert own["rbac"] == {"create": False}
    assert own["serviceAccount"]["create"] is False
    assert own["automountServiceAccountToken"] is False
    assert own["initChownData"] == {"enabled": False}, "it runs as root"
    assert own["containerSecurityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert own["securityContext"]["runAsNonRoot"] is True


def test_grafana_downloads_and_reports_nothing(graph: Graph) -> None:
    assert ini(graph)["analytics"]["reporting_enabled"] is False
    assert ini(graph)["analytics"]["check_for_updates"] is False
    assert ini(graph)["plugins"] == {"plugin_admin_enabled": False, "preinstall_disabled": True}
    assert ini(graph)["news"] == {"news_feed_enabled": False}


def test_volume_and_nodes_are_those_of_the_settings(graph: Graph, small: Graph) -> None:
    volume = {"enabled": True, "type": "pvc", "size": "10Gi", "storageClassName": "fast"}
    assert values(graph)["persistence"] == volume
    assert values(small)["persistence"] == {"enabled": False}
    assert values(graph)["nodeSelector"] == {"kubewright.dev/monitoring": "true"}
    (toleration,) = values(graph)["tolerations"]
    assert toleration["key"] == "dedicated"


def test_dashboards_and_their_provider_are_mounted(graph: Graph) -> None:
    mounts = {item["configMap"]: item["mountPath"] for item in values(graph)["extraConfigmapMounts"]}
    provisioning = "/etc/grafana/provisioning"
    assert mounts["grafana-data-sources"] == f"{provisioning}/datasources/kubewright.yaml"
    assert mounts["grafana-providers"] == f"{provisioning}/dashboards/kubewright.yaml"
    files = {item["configMap"]: item.get("subPath") for item in values(graph)["extraConfigmapMounts"]}
    assert files["grafana-data-sources"] == files["grafana-providers"] == "kubewright.yaml"
    assert files["grafana-dashboards"] is None, "Grafana reads changed dashboards only from directories"
    provider = yaml.safe_load(graph.node("grafana-providers").inputs["data"]["kubewright.yaml"])
    (only,) = provider["providers"]
    assert only["options"]["path"] == mounts["grafana-dashboards"]
    dashboards = graph.node("grafana-dashboards").inputs["data"]
    home = Path(ini(graph)["dashboards"]["default_home_dashboard_path"])
    assert str(home.parent) == mounts["grafana-dashboards"]
    assert home.name in dashboards
    assert sum(map(len, dashboards.values())) < 2**20, "the limit of a ConfigMap"


@pytest.mark.parametrize(
    ("edits", "annotation"),
    [
        ({"admin_password": "another-real-password"}, "kubewright.dev/secrets"),
        ({"oidc": OIDC}, "kubewright.dev/secrets"),
    ],
)
def test_changed_secrets_restart_the_pod(
    small: Graph, deploy: Deploy, tmp_path: Path, edits: Json, annotation: str
) -> None:
    other = deployed(deploy, tmp_path, settings(**edits))
    digests = {values(cluster)["podAnnotations"][annotation] for cluster in (small, other)}
    assert len(digests) == 2
    config = {values(cluster)["podAnnotations"]["kubewright.dev/config"] for cluster in (small, other)}
    assert len(config) == 1


def test_values_have_the_names_and_types_of_upstream(graph: Graph) -> None:
    for path, kind in TYPES.items():
        value = values(graph)
        keys = [path] if path == "grafana.ini" else path.split(".")
        for key in keys:
            value = value[key]
        assert isinstance(value, kind), path
    top = {path if path == "grafana.ini" else path.partition(".")[0] for path in TYPES}
    assert values(graph).keys() == top
    assert ini(graph)["log"] == {"level": "debug"}
