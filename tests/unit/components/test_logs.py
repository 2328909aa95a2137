"""Tests of the add-ons that collect logs and events in the program, on mocks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue
from components.addons.collector_sources import SHIPPER
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, cluster_config, without_secret_marks
from tests.unit.settings.wrong_logs import (
    ALERT,
    ALERTMANAGER,
    ELASTICSEARCH,
    KAFKA,
    LOKI,
    PASSWORD,
    STORE,
    event_settings,
    settings,
)
from topology.logs import NAMESPACE

RECEIVERS = {"central": {"loki": LOKI}, "bus": {"kafka": KAFKA}, "search": {"elasticsearch": ELASTICSEARCH}}


def deployed(deploy: Deploy, directory: Path, **addons: Any) -> Graph:  # noqa: ANN401 - JSON
    config: Any = cluster_config(directory, workers=2, addons=addons)
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a cluster with Loki, receivers and events."""
    directory = tmp_path_factory.mktemp("logs")
    return deployed(deploy, directory, logs=settings(to=RECEIVERS), events=event_settings())


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(name).inputs["spec"])


def pod(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return spec(graph, name)["template"]["spec"]


def container(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    [only] = pod(graph, name)["containers"]
    return only


def data(graph: Graph, name: str, key: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(without_secret_marks(graph.node(name).inputs["data"])[key])


def shipper(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return data(graph, "logs-log-shipper-config", "config.json")


def loki(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return data(graph, "logs-loki-config", "loki.json")


def test_cluster_without_the_section_has_no_logs(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path)
    assert not [node.name for node in without.nodes.values() if node.name.startswith("logs")]


def test_secrets_are_only_in_secrets(graph: Graph) -> None:
    for node in graph.nodes.values():
        texts = [*node.plain_texts()]
        assert not [text for text in texts if PASSWORD in text or PRIVATE_PREFIX in text], node.name
    passwords = without_secret_marks(graph.node("logs-passwords").inputs["stringData"])
    login = base64.b64encode(f"shipper:{PASSWORD}".encode()).decode()
    assert passwords == {"central": login, "bus": PASSWORD, "search": PASSWORD}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if login in text], node.name
    alertmanager = without_secret_marks(graph.node("logs-loki-alertmanager").inputs["stringData"])
    assert alertmanager == {"ALERTMANAGER_PASSWORD": PASSWORD}


def test_shipper_has_no_access_to_the_api(graph: Graph) -> None:
    assert pod(graph, "logs-shipper")["automountServiceAccountToken"] is False
    assert graph.node("logs-shipper-account").inputs["automountServiceAccountToken"] is False
    bindings = graph.of_type(":ClusterRoleBinding") + graph.of_type(":RoleBinding")
    subjects = [subject for node in bindings for subject in node.inputs["subjects"]]
    assert [item["name"] for item in subjects if item.get("namespace") == NAMESPACE] == ["events"]


def test_pod_of_events_reads_events_only(graph: Graph) -> None:
    [rule] = graph.node("logs-events-role").inputs["rules"]
    assert rule["apiGroups"] == ["events.k8s.io"]
    assert rule["resources"] == ["events"]
    assert {*rule["verbs"]} == {"get", "list", "watch"}
    [receiver] = data(graph, "logs-events-config", "config.json")["receivers"]["k8s_objects"]["objects"]
    assert (receiver["name"], receiver["group"]) == ("events", "events.k8s.io")


def test_shipper_changes_nothing_of_its_node_but_its_buffer(graph: Graph) -> None:
    mounts = container(graph, "logs-shipper")["volumeMounts"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in host_volumes(graph)}
    writable = {paths.get(mount["name"]) for mount in mounts if not mount.get("readOnly")}
    assert writable == {"/var/lib/kubewright/logs"}
    # No directory with keys of the node or of the cluster.
    assert {*paths.values()} == {
        *("/var/log", "/run/log", "/etc/machine-id", "/usr/bin", "/usr/lib", "/usr/lib64"),
        *("/var/lib/kubewright/logs", "/proc/sys/kernel/random"),
    }


def host_volumes(graph: Graph) -> list[Any]:
    return [volume for volume in pod(graph, "logs-shipper")["volumes"] if "hostPath" in volume]


def test_shipper_has_the_capabilities_of_its_sources(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    context = container(graph, "logs-shipper")["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SYS_CHROOT"]}
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    containers_only = deployed(deploy, tmp_path, logs=settings(sources=["containers"]))
    context = container(containers_only, "logs-shipper")["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    paths = [volume["hostPath"]["path"] for volume in host_volumes(containers_only)]
    assert paths == ["/var/log", "/var/lib/kubewright/logs"]
    assert shipper(containers_only)["receivers"].keys() == {"file_log/containers"}


def test_every_node_has_a_shipper(graph: Graph) -> None:
    assert pod(graph, "logs-shipper")["tolerations"] == [{"operator": "Exists"}]
    assert pod(graph, "logs-shipper")["priorityClassName"] == "system-node-critical"


def test_other_pods_have_no_privileges(graph: Graph) -> None:
    for name in ("logs-loki-pods", "logs-events-pods"):
        assert pod(graph, name)["securityContext"]["runAsNonRoot"]
        assert pod(graph, name)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container(graph, name)["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not [volume for volume in pod(graph, name)["volumes"] if "hostPath" in volume]


def test_every_destination_has_a_bounded_queue_that_blocks(graph: Graph) -> None:
    configuration = shipper(graph)
    assert configuration["extensions"]["file_storage"]["max_size"] == 1 << 30
    assert configuration["exporters"].keys() == {
        *("otlp_http/cluster", "otlp_http/central", "kafka/bus", "elasticsearch/search")
    }
    for exporter in configuration["exporters"].values():
        queue = exporter["sending_queue"]
        assert queue["storage"] == "file_storage"
        assert queue["sizer"] == "bytes"
        assert queue["queue_size"] < 1 << 30
        assert queue["block_on_overflow"]
    # The exporter for Elasticsearch has options of its own.
    assert configuration["exporters"].pop("elasticsearch/search")["retry"]["max_retries"] >= 1000
    for part in (*configuration["exporters"].values(), *configuration["receivers"].values()):
        # 0: entries are tried again until a receiver has them.
        assert part["retry_on_failure"]["max_elapsed_time"] == 0
    for receiver in configuration["receivers"].values():
        assert receiver["storage"] == "file_storage"


def test_memory_is_bounded(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, logs=settings(memory="500Mi", buffer="2Gi"))
    assert container(other, "logs-shipper")["resources"]["limits"] == {"memory": "500Mi"}
    environment = {item["name"]: item.get("value") for item in container(other, "logs-shipper")["env"]}
    assert int(environment["GOMEMLIMIT"]) == (500 << 20) * 0.8
    assert shipper(other)["extensions"]["file_storage"]["max_size"] == 2 << 30
    assert container(graph, "logs-loki-pods")["resources"]["limits"] == {"memory": "1Gi"}


def test_own_logs_and_excluded_namespaces_are_not_collected(deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, logs=settings(exclude_namespaces=["ci"]))
    excluded = shipper(other)["receivers"]["file_log/containers"]["exclude"]
    assert f"/host/var/log/pods/{NAMESPACE}_{SHIPPER}-*/*/*" in excluded
    assert "/host/var/log/pods/ci_*/*/*" in excluded


def test_receivers_have_their_logins(graph: Graph) -> None:
    configuration = shipper(graph)
    central, bus = configuration["exporters"]["otlp_http/central"], configuration["exporters"]["kafka/bus"]
    assert central["endpoint"] == "https://loki.corp.example/otlp"
    assert central["headers"] == {
        "X-Scope-OrgID": "kubernetes",
        "Authorization": "Basic ${file:/etc/otelcol/passwords/central}",
    }
    assert bus["auth"]["sasl"]["password"] == "${file:/etc/otelcol/passwords/bus}"
    search = configuration["exporters"]["elasticsearch/search"]
    assert (search["endpoints"], search["logs_index"]) == ([ELASTICSEARCH["url"]], "kubernetes")
    assert (search["user"], search["password"]) == ("shipper", "${file:/etc/otelcol/passwords/search}")
    for name in ("logs-shipper", "logs-events-pods"):
        [mount] = [item for item in container(graph, name)["volumeMounts"] if item["name"] == "passwords"]
        assert mount == {"name": "passwords", "mountPath": "/etc/otelcol/passwords", "readOnly": True}
        # journalctl would inherit a password in the environment.
        assert {item["name"] for item in container(graph, name)["env"]} == {
            *("NODE_NAME", "POD_IP", "GOMEMLIMIT")
        }


def test_loki_accepts_clients_of_its_own_authority_only(graph: Graph) -> None:
    server = loki(graph)["server"]
    assert server["http_tls_config"]["client_auth_type"] == "RequireAndVerifyClientCert"
    # gRPC has no login.
    assert server["grpc_listen_address"] == "127.0.0.1"
    signer = graph.node("logs-certificates-ca").inputs
    assert signer["isCaCertificate"]
    for leaf, usage in {
        "loki": "server_auth",
        "log-shipper": "client_auth",
        "events": "client_auth",
        "loki-reader": "client_auth",
    }.items():
        certificate = graph.node(f"logs-certificates-{leaf}").inputs
        assert certificate["allowedUses"] == ["digital_signature", usage]
        assert certificate["caCertPem"] == "certificate logs-certificates-ca"
    names = graph.node("logs-certificates-loki-request").inputs["dnsNames"]
    assert names == ["loki.logs.svc", "loki.logs.svc.cluster.local", "localhost"]
    assert shipper(graph)["exporters"]["otlp_http/cluster"]["endpoint"] == "https://loki.logs.svc:3100/otlp"


def test_ports_are_closed_but_for_the_clients_of_loki(deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, logs=settings(loki=STORE | {"readers": ["grafana"]}))
    closed = spec(other, "logs-policy")
    assert closed["podSelector"] == {}
    assert not closed.get("ingress")
    [rule] = spec(other, "logs-loki-policy")["ingress"]
    assert rule["ports"] == [{"port": 3100, "protocol": "TCP"}]
    assert rule["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "log-shipper"}}},
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "events"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "grafana"}}},
    ]


def test_volume_and_retention_are_those_of_the_settings(deploy: Deploy, tmp_path: Path) -> None:
    store = {"storage": "50Gi", "storage_class": "fast", "retention": "48h"}
    other = deployed(deploy, tmp_path, logs=settings(loki=store))
    claim = spec(other, "logs-loki-volume")
    assert claim["resources"]["requests"] == {"storage": "50Gi"}
    assert claim["storageClassName"] == "fast"
    assert loki(other)["limits_config"]["retention_period"] == "48h"
    assert loki(other)["compactor"]["retention_enabled"]
    assert "ruler" not in loki(other)


def test_alert_counts_events_of_its_reasons(graph: Graph) -> None:
    [group] = data(graph, "logs-loki-rules", "events.json")["groups"]
    [rule] = group["rules"]
    assert rule["alert"] == "PodsDoNotStart"
    assert rule["expr"] == (
        "sum by (k8s_namespace_name, k8s_event_reason) (count_over_time("
        '{log_source="events"} | k8s_event_reason=~"FailedScheduling|FailedMount" [300s])) >= 3'
    )
    ruler = loki(graph)["ruler"]
    assert ruler["alertmanager_url"] == ALERTMANAGER["url"]
    assert ruler["alertmanager_client"] == {
        "basic_auth_username": "loki",
        "basic_auth_password": "${ALERTMANAGER_PASSWORD}",
    }


def test_another_configuration_or_password_restarts_pods(
    graph: Graph, deploy: Deploy, tmp_path: Path
) -> None:
    changed = RECEIVERS | {"central": {"loki": LOKI | {"password": "another-password"}}}
    alerts = {"PodsDoNotStart": ALERT | {"count": 4}}
    other = deployed(deploy, tmp_path, logs=settings(to=changed), events=event_settings(alerts=alerts))
    for name in ("logs-shipper", "logs-events-pods", "logs-loki-pods"):
        annotations = [spec(item, name)["template"]["metadata"]["annotations"] for item in (graph, other)]
        assert annotations[0] != annotations[1], name


def test_receivers_need_no_loki_in_the_cluster(deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, logs={"to": {"central": {"loki": LOKI}}})
    assert not [node.name for node in other.nodes.values() if "loki" in node.name]
    assert "tls" not in {volume["name"] for volume in pod(other, "logs-shipper")["volumes"]}
    assert shipper(other)["exporters"].keys() == {"otlp_http/central"}


def test_objects_wait_for_what_they_use(graph: Graph) -> None:
    before = graph.dependencies(graph.node("logs-shipper"))
    assert {"logs-log-shipper-config", "logs-log-shipper-certificate", "logs-passwords"} <= before
    assert {"logs-policy", "logs-shipper-account", "logs-namespace"} <= before
    before = graph.dependencies(graph.node("logs-loki-pods"))
    assert {"logs-loki-volume", "logs-loki-certificate", "logs-loki-policy"} <= before


def test_images_are_those_of_the_catalogue(graph: Graph) -> None:
    for name, component in {
        "logs-shipper": "otelcol",
        "logs-events-pods": "otelcol",
        "logs-loki-pods": "loki",
    }.items():
        assert (container(graph, name)["image"],) == catalogue.images_of(component)
