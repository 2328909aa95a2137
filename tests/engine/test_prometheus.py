"""Tests of Prometheus and Alertmanager with the configurations of the add-on, on a real control plane."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from components.addons.monitoring_alerts import alertmanager_configuration
from components.addons.monitoring_pods import alertmanager_arguments, prometheus_arguments
from components.addons.monitoring_rules import rule_files
from components.addons.monitoring_targets import Paths, prometheus_configuration
from components.addons.monitoring_web import client_checking_configuration, server_configuration
from testkit.cluster import CHECKOUT
from testkit.control_plane import binary_path
from testkit.monitored_host import ADDRESS, NAME, MonitoredHost
from tests.engine.test_metrics_gateway import fetch, host_with_gateway
from topology.monitoring import (
    ALERTMANAGER,
    NAMESPACE,
    PROMETHEUS,
    Monitoring,
    Receiver,
    ReceiverKind,
    Route,
    gateway_certificate,
)

TOKEN = "not-a-real-token-of-a-receiver"
RECEIVER_PORT = 9999
PROMETHEUS_URL = f"https://{PROMETHEUS}.{NAMESPACE}.svc:9090"
ALERTMANAGER_URL = f"https://{ALERTMANAGER}.{NAMESPACE}.svc:9093"
pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredHost]:
    with host_with_gateway(tmp_path_factory.mktemp("host")) as host:
        run_host_metrics(host)
        host.start("node-exporter.service")
        create_objects(host)
        start_receiver(host)
        start_alertmanager(host)
        start_prometheus(host)
        yield host


def run_host_metrics(host: MonitoredHost) -> None:
    """Run the program of the timer once, with the environment of its unit."""
    unit = host.path("/etc/systemd/system/host-metrics.service").read_text()
    lines = [line.partition("=")[2].strip('"') for line in unit.splitlines() if "Environment=" in line]
    environment = dict(line.split("=", 1) for line in lines if line.count("=") and not line.startswith("/"))
    tools = {str(os.path.dirname(binary_path(name))) for name in ("cfssl-certinfo", "kubectl")}
    path = ":".join([*tools, os.environ["PATH"]])
    words = [f"{name}={value}" for name, value in (environment | {"NODE_NAME": NAME, "PATH": path}).items()]
    host.run(["env", *words, *host.command("host-metrics.service")])


def create_objects(host: MonitoredHost) -> None:
    """Create the Node of the host and the pods of the add-on, whose programs run on the host."""
    host.kubectl(
        "apply",
        "--filename=-",
        stdin=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}}),
    )
    addresses = [{"type": "InternalIP", "address": ADDRESS}]
    patch(
        host, "node", NAME, {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}
    )
    for name, port in ((PROMETHEUS, 9090), (ALERTMANAGER, 9093)):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-0",
                "namespace": NAMESPACE,
                "labels": {"app.kubernetes.io/name": name},
            },
            "spec": {
                "serviceAccountName": PROMETHEUS,
                "nodeName": NAME,
                "containers": [
                    {"name": name, "image": name, "ports": [{"name": "https", "containerPort": port}]}
                ],
            },
        }
        host.kubectl("apply", "--filename=-", stdin=json.dumps(pod))
        status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}
        patch(host, "pod", f"{name}-0", status, f"--namespace={NAMESPACE}")


def patch(host: MonitoredHost, kind: str, name: str, status: dict[str, Any], *words: str) -> None:
    host.kubectl(
        "patch", kind, name, "--subresource=status", "--patch", json.dumps({"status": status}), *words
    )


def monitoring(host: MonitoredHost) -> Monitoring:
    """Return the add-on with a receiver that also gets the alert that always fires."""
    assert host.topology.monitoring
    receiver = Receiver(name="lab", kind=ReceiverKind.WEBHOOK, options=(), secrets=(("url_file", "url"),))
    route = Route(receiver="lab", matchers=('alertname="Watchdog"',))
    return replace(
        host.topology.monitoring,
        interval_seconds=5,
        receivers=(receiver,),
        default_receiver="lab",
        routes=(route,),
    )


def write(host: MonitoredHost, path: str, content: object) -> None:
    """Write a file, or the configuration in it with paths below the directory of the host."""
    target = host.path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else host.move(yaml.safe_dump(content, sort_keys=False))
    target.write_text(text)


def write_certificates(host: MonitoredHost, component: str) -> None:
    directory = f"/etc/{component}/tls"
    for suffix in ("crt", "key"):
        write(host, f"{directory}/tls.{suffix}", host.secrets[f"{component}.{suffix}"])
    for authority in ("kubernetes-ca", "kubelet-serving-ca"):
        write(host, f"{directory}/{authority}.crt", host.secrets[f"{authority}-bundle.crt"])


def start_receiver(host: MonitoredHost) -> None:
    words = [sys.executable, "-m", "testkit.alert_receiver", ADDRESS, str(RECEIVER_PORT), TOKEN]
    host.spawn("receiver", [*words, str(host.root / "alerts.json")], PYTHONPATH=str(CHECKOUT))


def start_alertmanager(host: MonitoredHost, *clients: str) -> None:
    """Start Alertmanager for Prometheus and `clients`."""
    write_certificates(host, ALERTMANAGER)
    config = "/etc/alertmanager/config"
    write(host, f"{config}/alertmanager.yaml", alertmanager_configuration(monitoring(host)))
    write(host, f"{config}/web.yaml", client_checking_configuration(ALERTMANAGER, *clients))
    write(host, "/etc/alertmanager/credentials/lab-url", f"http://{ADDRESS}:{RECEIVER_PORT}/{TOKEN}")
    directory = str(host.root / "alertmanager")
    words = alertmanager_arguments(1, config=str(host.path(config)), directory=directory)
    host.spawn(ALERTMANAGER, [binary_path(ALERTMANAGER), *words])


def start_prometheus(host: MonitoredHost) -> None:
    write_certificates(host, PROMETHEUS)
    config, data = "/etc/prometheus/config", monitoring(host)
    paths = Paths(token=str(host.root / "token"), kubeconfig=str(host.path("/etc/kubernetes/admin.conf")))
    for name, text in rule_files(data).items():
        write(host, f"/etc/prometheus/rules/{name}", text)
    write(host, f"{config}/prometheus.yaml", prometheus_configuration(host.topology, data, paths))
    write(host, f"{config}/web.yaml", server_configuration(PROMETHEUS))
    words = prometheus_arguments(config=str(host.path(config)), directory=str(host.root / "prometheus"))
    host.spawn(PROMETHEUS, [binary_path(PROMETHEUS), *words], POD_NAME="prometheus-0")


def ask(host: MonitoredHost, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the data of a request to the API of Prometheus; None if it does not answer."""
    resolve = ("--connect-to", f"{PROMETHEUS}.{NAMESPACE}.svc:9090:{ADDRESS}:9090")
    status, body = fetch(host, f"{PROMETHEUS_URL}/api/v1/{path}", client="", options=resolve)
    return json.loads(body)["data"] if status == "200" else None


def jobs(host: MonitoredHost, health: str) -> set[str]:
    targets = (ask(host, "targets?state=active") or {}).get("activeTargets", [])
    return {target["labels"]["job"] for target in targets if target["health"] == health}


def healthy_jobs(host: MonitoredHost) -> set[str]:
    return jobs(host, "up")


def test_prometheus_scrapes_the_cluster_over_tls(host: MonitoredHost) -> None:
    expected = {
        *("etcd", "apiserver", "controller-manager", "scheduler", "node-exporter"),
        *(PROMETHEUS, ALERTMANAGER),
    }
    host.wait_until(lambda: healthy_jobs(host) == expected, "targets are missing")
    targets = ask(host, "targets?state=active")["activeTargets"]
    assert {target["scrapeUrl"].partition(":")[0] for target in targets} == {"https"}
    instances = {target["labels"]["job"]: target["labels"]["instance"] for target in targets}
    assert (instances["etcd"], instances[ALERTMANAGER]) == (NAME, f"{ALERTMANAGER}-0")
    # Their programs do not run on this host.
    down = {"kube-proxy", "kube-router", "csr-approver", "kubelet", "cadvisor"}
    host.wait_until(lambda: jobs(host, "down") == down, "other targets are down")


def test_rules_are_evaluated(host: MonitoredHost) -> None:
    def rules() -> list[Any]:
        groups = (ask(host, "rules") or {}).get("groups", [])
        return [rule for group in groups for rule in group["rules"]]

    host.wait_until(lambda: rules() and all(rule["health"] == "ok" for rule in rules()), "rules fail")
    assert {"EtcdMemberDown", "Watchdog"} <= {rule["name"] for rule in rules()}


def test_certificates_of_the_host_are_metrics(host: MonitoredHost) -> None:
    """node exporter accepts the text, and cfssl-certinfo reads all certificates of the bundles."""

    def ends() -> dict[str, float]:
        found = ask(host, "query?query=kubewright_certificate_end_timestamp_seconds") or {}
        return {item["metric"]["path"]: float(item["value"][1]) for item in found.get("result", [])}

    host.wait_until(ends, "no certificates")
    names = {path.removeprefix(str(host.root)) for path in ends()}
    assert {
        *("/etc/etcd/pki/server.crt", "/etc/kubernetes/pki/apiserver.crt"),
        "/etc/metrics-gateway/pki/server.crt",
    } <= names
    assert min(ends().values()) > 0


def test_alerts_reach_the_receiver(host: MonitoredHost) -> None:
    def received() -> list[Any]:
        text = (host.root / "alerts.json").read_text()
        return [alert for alert in json.loads(text or "[]") if alert["labels"]["alertname"] == "Watchdog"]

    host.wait_until(received, "the receiver has no alert")
    [first, *_] = received()
    assert first["labels"]["cluster"] == host.topology.name
    assert "prometheus" not in first["labels"]
    assert first["annotations"]["summary"]


def test_stopped_program_raises_its_alert(host: MonitoredHost) -> None:
    """The fault of a member is visible within the time of its rule. Its end is visible too."""
    host.wait_until(lambda: "etcd" in healthy_jobs(host), "etcd is not scraped")
    host.stop("etcd.service")

    def states() -> set[str]:
        alerts = (ask(host, "alerts") or {}).get("alerts", [])
        return {alert["state"] for alert in alerts if alert["labels"]["alertname"] == "EtcdMemberDown"}

    host.wait_until(lambda: "firing" in states(), "no alert fires", seconds=200)
    annotations = [
        alert["annotations"]
        for alert in ask(host, "alerts")["alerts"]
        if alert["labels"]["alertname"] == "EtcdMemberDown"
    ]
    assert annotations[0]["summary"] == f"etcd member {NAME} does not answer"


@pytest.mark.parametrize("client", ["", "csr-approver", gateway_certificate(NAME)])
def test_alertmanager_accepts_only_prometheus(host: MonitoredHost, client: str) -> None:
    resolve = ("--connect-to", f"{ALERTMANAGER}.{NAMESPACE}.svc:9093:{ADDRESS}:9093")
    status, _ = fetch(host, f"{ALERTMANAGER_URL}/api/v2/status", client=client, options=resolve)
    assert status == "000"
    assert fetch(host, f"{ALERTMANAGER_URL}/api/v2/status", options=resolve)[0] == "200"


def test_token_of_the_receiver_is_in_no_answer_and_no_log(host: MonitoredHost) -> None:
    resolve = ("--connect-to", f"{ALERTMANAGER}.{NAMESPACE}.svc:9093:{ADDRESS}:9093")
    assert TOKEN not in fetch(host, f"{ALERTMANAGER_URL}/api/v2/status", options=resolve)[1]
    for log in host.root.glob("*.log"):
        assert TOKEN not in log.read_text(), log.name
