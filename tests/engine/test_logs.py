"""Tests of the shipper with the real OpenTelemetry Collector and the real Loki, on loopback.

There is no node: a directory has the files of a host. The configurations are those of the add-on.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from components.addons.collector_config import events_configuration, shipper_configuration
from components.addons.logs import basic_credentials
from nodeconfig.api_policies import audit_policy
from testkit.certificates import issue_certificate
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.log_programs import (
    COLLECTOR,
    LOKI,
    NODE,
    CollectorProcess,
    LokiProcess,
    collector_environment,
    collector_paths,
    copy_journalctl,
    skip_without_programs,
    wait_for,
    write_certificate,
    write_collector,
    write_journal,
)
from topology.logs import (
    Destination,
    Events,
    KafkaServers,
    Logs,
    LogSource,
    LokiServer,
    LokiStore,
)

STORE = LokiStore(storage="1Gi", storage_class="", retention_hours=24, memory="1Gi", readers=())
LOGS = Logs(
    sources=(LogSource.CONTAINERS,),
    exclude_namespaces=("ci",),
    buffer=256 << 20,
    memory="300Mi",
    loki=STORE,
    destinations=(),
    events=Events(),
)
UID = "8a2e1b5c-9f0d-4c8e-8b3a-2d6f7e8a9b0c"
WEB = f"shop_web-0_{UID}/web"
SHOP = '{k8s_namespace_name="shop"}'
SECRET = "not-a-real-secret-value"


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LokiProcess]:
    skip_without_programs(COLLECTOR, LOKI)
    with LokiProcess(tmp_path_factory.mktemp("loki"), STORE) as running:
        yield running


def shipper(root: Path, loki: LokiProcess, logs: Logs = LOGS) -> CollectorProcess:
    paths = collector_paths(root, loki.directory / "client")
    configuration = shipper_configuration(logs, paths=paths, loki_url=loki.url)
    return CollectorProcess(root, configuration)


def pod_file(root: Path, pod: str, name: str = "0.log") -> Path:
    path = root / "host/var/log/pods" / pod / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def cri_lines(lines: list[str], tag: str = "F") -> str:
    """Return lines as containerd writes them."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    times = (start + timedelta(microseconds=number) for number in range(len(lines)))
    return "".join(
        f"{time:%Y-%m-%dT%H:%M:%S.%f}000Z stdout {tag} {line}\n"
        for time, line in zip(times, lines, strict=True)
    )


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_programs_accept_the_configurations(loki: LokiProcess, tmp_path: Path) -> None:
    servers: dict[str, LokiServer | KafkaServers] = {
        "central": LokiServer(url="https://loki.example", tenant="prod", username="shipper"),
        "bus": KafkaServers(brokers=("kafka:9093",), topic="logs", username="shipper"),
    }
    ca = issue_certificate("ca").certificate_pem.decode()
    logs = replace(
        LOGS,
        sources=(LogSource.CONTAINERS, LogSource.AUDIT),
        destinations=tuple(Destination(name=name, server=item, ca=ca) for name, item in servers.items()),
    )
    paths = collector_paths(tmp_path, loki.directory / "client")
    for name in ("data", "passwords", "authorities"):
        (tmp_path / name).mkdir()
    for name in servers:
        (tmp_path / "authorities" / f"{name}.crt").write_text(ca)
        (tmp_path / "passwords" / name).write_text(SECRET)
    for configuration in (
        shipper_configuration(logs, paths=paths),
        events_configuration(logs, 256 << 20, paths=paths),
    ):
        file = f"--config=file:{write_collector(tmp_path, configuration)}"
        command = [binary_path(COLLECTOR), "validate", file]
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, env=collector_environment()
        )
        assert result.returncode == 0, result.stderr
        assert SECRET not in result.stdout + result.stderr
    result = subprocess.run(loki.command("-verify-config"), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_lines_of_a_container_are_found_by_its_pod(loki: LokiProcess, tmp_path: Path) -> None:
    path = pod_file(tmp_path, WEB, "2.log")
    path.write_text(cri_lines(["started"]) + cri_lines(["first half, "], "P") + cri_lines(["second half"]))
    pod_file(tmp_path, f"ci_build_{UID}/build").write_text(cri_lines(["excluded"]))
    pod_file(tmp_path, f"logs_log-shipper-x_{UID}/log-shipper").write_text(cri_lines(["of the shipper"]))
    query = '{k8s_namespace_name="shop", k8s_pod_name="web-0", k8s_container_name="web"}'
    with shipper(tmp_path, loki):
        wait_for(lambda: len(loki.query(query)) == 2, "both lines")
        append(path, cri_lines(["a later line"]))
        wait_for(lambda: "a later line" in loki.lines(query), "the later line")
    entries = loki.query(query)
    assert {entry["line"] for entry in entries} == {"started", "first half, second half", "a later line"}
    for labels in (entry["labels"] for entry in entries):
        assert labels["log_source"] == "containers"
        assert labels["k8s_node_name"] == NODE
        assert labels["k8s_container_restart_count"] == "2"
        assert labels["log_iostream"] == "stdout"
    assert not loki.query('{k8s_namespace_name=~"ci|logs"}')


def test_loki_refuses_other_clients(loki: LokiProcess, tmp_path: Path) -> None:
    other = issue_certificate("other-ca")
    write_certificate(tmp_path, other, issue_certificate("client", issuer=other))
    stranger = {"cert_file": str(tmp_path / "tls.crt"), "key_file": str(tmp_path / "tls.key")}
    for files in (stranger, {"cert_file": None, "key_file": None}):
        with pytest.raises(urllib3.exceptions.HTTPError):
            loki.reader.pool(**files).request("GET", f"{loki.url}/loki/api/v1/labels", timeout=5)
    # The health check needs no certificate, and has no entries.
    url = f"http://127.0.0.1:{loki.ports[1]}/loki/api/v1/labels"
    assert urllib3.PoolManager(retries=False).request("GET", url, timeout=5).status == 404


def test_nothing_is_lost_while_loki_is_away(loki: LokiProcess, tmp_path: Path) -> None:
    """The log file is rotated and the shipper is killed and starts again, while Loki does not answer."""
    pod = f"away_web-0_{UID}/web"
    path, expected = pod_file(tmp_path, pod), [f"line {number:05}" for number in range(4000)]
    running = shipper(tmp_path, loki)
    with running:
        append(path, cri_lines(expected[:500]))
        wait_for(lambda: len(loki.query('{k8s_namespace_name="away"}')) == 500, "the lines before")
        loki.stop()
        append(path, cri_lines(expected[500:1500]))
        wait_for(lambda: queue_size(tmp_path) > 50_000, "lines in the queue")
        path.rename(path.with_name("0.log.20261123-120000"))
        append(path, cri_lines(expected[1500:2500]))
        running.stop(kill=True)
        append(path, cri_lines(expected[2500:3500]))
        running.start()
        append(path, cri_lines(expected[3500:]))
        loki.start()
        wait_for(
            lambda: {*loki.lines('{k8s_namespace_name="away"}')} == {*expected}, "all lines", seconds=120
        )


def queue_size(root: Path) -> int:
    """Return the size of the files of the queue, in bytes."""
    return sum(path.stat().st_size for path in (root / "data").glob("exporter_*"))


def test_full_queue_blocks_and_loses_nothing(loki: LokiProcess, tmp_path: Path) -> None:
    pod = f"full_web-0_{UID}/web"
    text = "x" * 400
    path, expected = pod_file(tmp_path, pod), [f"line {number:05} {text}" for number in range(4000)]
    running = shipper(tmp_path, loki)
    for exporter in running.configuration["exporters"].values():
        exporter["sending_queue"]["queue_size"] = 200_000
        exporter["sending_queue"]["batch"] |= {"min_size": 50_000, "max_size": 100_000}
    loki.stop()
    with running:
        append(path, cri_lines(expected))
        wait_for(lambda: queue_size(tmp_path) > 200_000, "a full queue")
        # The lines have 1.6 MB. A queue that did not block would have all of them after a second.
        with pytest.raises(AssertionError, match="still not"):
            wait_for(lambda: queue_size(tmp_path) > 1_500_000, "more than the queue", seconds=8)
        loki.start()
        wait_for(
            lambda: {*loki.lines('{k8s_namespace_name="full"}')} == {*expected}, "all lines", seconds=120
        )


def test_journal_of_the_host_is_read_with_its_own_journalctl(loki: LokiProcess, tmp_path: Path) -> None:
    host = tmp_path / "host"
    copy_journalctl(host)
    write_journal(host, "the kubelet warns")
    with shipper(tmp_path, loki, replace(LOGS, sources=(LogSource.JOURNAL,))) as running:
        query = '{log_source="journal"} |= "the kubelet warns"'
        [entry] = wait_for(lambda: loki.query(query), f"the line of the journal\n{running.log()}")
    assert entry["line"] == "the kubelet warns"
    assert entry["labels"]["systemd_identifier"] == "kubelet"
    assert entry["labels"]["severity_number"] == "13", "a warning of OpenTelemetry"
    assert entry["labels"]["k8s_node_name"] == NODE


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, Path]]:
    """Yield an API server whose audit log is below the directory of a host."""
    skip_without_binaries()
    root = tmp_path_factory.mktemp("audited")
    log = root / "host/var/log/kubernetes/audit.log"
    log.parent.mkdir(parents=True)
    policy = root / "policy.json"
    policy.write_text(audit_policy().content)
    flags = (f"--audit-policy-file={policy}", f"--audit-log-path={log}")
    directory = tmp_path_factory.mktemp("cluster")
    with ControlPlane(directory, api_flags=flags) as control_plane:
        yield control_plane, root


def test_audit_log_shows_who_reads_a_secret_without_its_content(
    loki: LokiProcess, audited: tuple[ControlPlane, Path]
) -> None:
    control_plane, root = audited
    control_plane.kubectl("create", "secret", "generic", "payment", f"--from-literal=key={SECRET}")
    control_plane.kubectl("get", "secret", "payment", "--output=yaml")
    query = '{log_source="audit"} | json | objectRef_resource="secrets" | objectRef_name="payment"'
    with shipper(root, loki, replace(LOGS, sources=(LogSource.AUDIT,))):
        wait_for(
            lambda: {"create", "get"} <= {json.loads(line)["verb"] for line in loki.lines(query)},
            "the entries of the Secret",
        )
    entries = [json.loads(line) for line in loki.lines(query)]
    assert {entry["user"]["username"] for entry in entries} == {"admin"}
    assert not [entry for entry in entries if "responseObject" in entry or "requestObject" in entry]
    encoded = "bm90LWEtcmVhbC1zZWNyZXQtdmFsdWU="
    for content in (SECRET, encoded):
        assert not loki.query(f'{{log_source="audit"}} |= "{content}"')
    # The time of an entry is that of the request, not that of its delivery.
    [entry] = loki.query(query + ' | verb="create"')
    stamp = datetime.fromisoformat(json.loads(entry["line"])["stageTimestamp"])
    assert abs(entry["time"] / 1e9 - stamp.timestamp()) < 0.001


def test_receiver_of_the_user_gets_the_entries(loki: LokiProcess, tmp_path: Path) -> None:
    password = basic_credentials("shipper", "p$a:s'\"#1-not-real")
    destination = Destination(
        name="central",
        server=LokiServer(url=loki.url, tenant="prod", username="shipper"),
        ca=loki.authority.certificate_pem.decode(),
    )
    logs = replace(LOGS, loki=None, destinations=(destination,))
    paths = collector_paths(tmp_path, loki.directory / "client")
    configuration: Any = shipper_configuration(logs, paths=paths)
    # This Loki asks for a client certificate, which the receivers of users do not.
    files = {"cert_file": f"{paths.tls}/tls.crt", "key_file": f"{paths.tls}/tls.key"}
    configuration["exporters"]["otlp_http/central"]["tls"] |= files
    for name in ("passwords", "authorities"):
        (tmp_path / name).mkdir()
    (tmp_path / "passwords/central").write_text(password)
    (tmp_path / "authorities/central.crt").write_text(destination.ca)
    append(pod_file(tmp_path, f"own_web-0_{UID}/web"), cri_lines(["to the receiver"]))
    with CollectorProcess(tmp_path, configuration) as running:
        wait_for(lambda: loki.lines('{k8s_namespace_name="own"}') == ["to the receiver"], "the line")
    assert password not in running.log()
