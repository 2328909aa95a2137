"""Tests of the archive of events with the real collector, Loki and API server, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.addons.collector_config import events_configuration
from testkit.control_plane import ControlPlane, skip_without_binaries
from testkit.log_programs import (
    CollectorProcess,
    LokiProcess,
    collector_paths,
    wait_for,
)
from tests.engine.manifests import apply, manifests
from tests.engine.test_logs import LOGS, STORE
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config
from tests.unit.settings.wrong_logs import LOKI as RECEIVER
from tests.unit.settings.wrong_logs import event_settings, settings
from topology.logs import NAMESPACE, Alertmanager, EventAlert, Events

__all__ = ["deploy"]

ARCHIVED = '{log_source="events", k8s_namespace_name="shop"}'

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


@dataclass
class Receiver:
    """An Alertmanager that keeps the alerts and the logins of requests."""

    alerts: list[Any] = field(default_factory=list)
    logins: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[tuple[Receiver, int]]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/api/v2/alerts":
                received.alerts += json.loads(body)
                received.logins.add(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield received, server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def loki(
    alertmanager: tuple[Receiver, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LokiProcess]:
    alert = EventAlert(
        name="PodsDoNotStart",
        reasons=("FailedScheduling", "FailedMount"),
        namespaces=(),
        count=2,
        window_seconds=600,
        severity="critical",
    )
    # The setting allows https only; the receiver of this test has no certificate.
    receiver = Alertmanager(url=f"http://127.0.0.1:{alertmanager[1]}", username="loki")
    events = Events(alerts=(alert,), alertmanager=receiver)
    with LokiProcess(tmp_path_factory.mktemp("loki"), STORE, events, "not-a-real-password") as running:
        yield running


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory, deploy: Deploy) -> Iterator[ControlPlane]:
    """Yield an API server with all objects of the add-ons."""
    skip_without_binaries()
    config: Any = cluster_config(tmp_path_factory.mktemp("objects"), workers=2)
    logs = settings(to={"central": {"loki": RECEIVER}})
    graph: Graph = deploy(config | {"addons": {"logs": logs, "events": event_settings()}})
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        apply(running, manifests(graph, "logs-"))
        running.kubectl("create", "namespace", "shop")
        yield running


def token_kubeconfig(control_plane: ControlPlane, directory: Path, account: str) -> Path:
    """Write a kubeconfig with a token of a service account of the add-on and return its path."""
    token = control_plane.kubectl("create", "token", account, f"--namespace={NAMESPACE}").strip()
    content = json.loads(control_plane.kubeconfig)
    content["users"][0]["user"] = {"token": token}
    path = directory / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


def create_event(control_plane: ControlPlane, name: str, reason: str, note: str) -> None:
    now = control_plane.kubectl("get", "namespace", "shop", "--output=jsonpath={.metadata.creationTimestamp}")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "shop"},
        "involvedObject": {"kind": "Pod", "name": "web-0", "namespace": "shop"},
        "reason": reason,
        "message": note,
        "type": "Warning",
        "count": 1,
        "source": {"component": "scheduler"},
        "firstTimestamp": now,
        "lastTimestamp": now,
    }
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(event))


def test_objects_of_the_add_ons_are_valid(control_plane: ControlPlane) -> None:
    """The API server accepted them strictly. The pod of Loki also satisfies the level `restricted`."""
    daemon_set = control_plane.get("daemonset", "-n", NAMESPACE, "log-shipper")
    assert daemon_set["spec"]["template"]["spec"]["containers"][0]["name"] == "log-shipper"
    can = ("auth", "can-i", "--list", f"--namespace={NAMESPACE}")
    permissions = control_plane.kubectl(*can, f"--as=system:serviceaccount:{NAMESPACE}:log-shipper")
    assert not [line for line in permissions.splitlines() if line.startswith(("pods", "secrets", "events"))]
    for kind, name in (("statefulset", "loki"), ("deployment", "events")):
        template = control_plane.get(kind, "-n", NAMESPACE, name)["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        # The namespace `strict` has no objects of the add-on, so the pod has another account.
        pod["metadata"] = {"name": name, "namespace": "strict"}
        pod["spec"].pop("serviceAccountName", None)
        pod["spec"].pop("serviceAccount", None)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "strict", "labels": labels},
        }
        control_plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(namespace))
        control_plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))


def test_events_are_archived_and_raise_an_alert(
    loki: LokiProcess, control_plane: ControlPlane, alertmanager: tuple[Receiver, int], tmp_path: Path
) -> None:
    """Events before and after the start of the collector are found after they are deleted."""
    create_event(control_plane, "web-0.1", "FailedScheduling", "no node has enough memory")
    paths = collector_paths(tmp_path, loki.directory / "client")
    configuration = events_configuration(
        LOGS, 256 << 20, paths=paths, loki_url=loki.url, authentication="kubeConfig"
    )
    environment = {"KUBECONFIG": str(token_kubeconfig(control_plane, tmp_path, "events"))}
    received, _ = alertmanager
    with CollectorProcess(tmp_path, configuration, environment) as running:
        wait_for(lambda: loki.query(ARCHIVED), f"the event before the start\n{running.log()}")
        create_event(control_plane, "web-0.2", "FailedScheduling", "no node has enough processors")
        create_event(control_plane, "web-0.3", "Pulled", "the image is there")
        wait_for(lambda: len(loki.query(ARCHIVED)) == 3, "the events after the start")
        control_plane.kubectl("delete", "events", "--all", "--namespace=shop")
        wait_for(lambda: received.alerts, "the alert")
        # A start sends the events again, and Loki shows equal entries once.
        running.stop()
        running.start()
    entries = {entry["line"]: entry["labels"] for entry in loki.query(ARCHIVED)}
    assert len(entries) == len(loki.query(ARCHIVED)) == 3
    labels = entries["no node has enough memory"]
    assert labels["k8s_event_reason"] == "FailedScheduling"
    assert labels["k8s_event_type"] == "Warning"
    assert (labels["k8s_event_object_kind"], labels["k8s_event_object_name"]) == ("Pod", "web-0")
    assert len(loki.query(ARCHIVED + ' | k8s_event_reason="Pulled"')) == 1
    alert = received.alerts[0]["labels"]
    assert alert["alertname"] == "PodsDoNotStart"
    assert alert["severity"] == "critical"
    assert alert["k8s_namespace_name"] == "shop"
    assert alert["k8s_event_reason"] == "FailedScheduling"
    assert received.logins == {"Basic bG9raTpub3QtYS1yZWFsLXBhc3N3b3Jk"}
