"""Tests of the shipper with the real OpenTelemetry Collector and a receiver of OTLP, on loopback.

There is no node: a directory has the files of a host. The configurations are those of the add-on, except that
the receiver of the tests reads JSON.
"""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from components.addons.collector_config import events_configuration, shipper_configuration
from components.addons.logs import basic_credentials
from nodeconfig.api_policies import audit_policy
from testkit.certificates import issue_certificate
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.log_files import UID, append, copy_journalctl, cri_lines, pod_file, write_journal
from testkit.log_programs import (
    COLLECTOR,
    NODE,
    CollectorProcess,
    collector_environment,
    collector_paths,
    wait_for,
    write_collector,
)
from testkit.otlp_receiver import Entry, OtlpReceiver
from topology.logs import Destination, Events, KafkaServers, Logs, LogSource, LokiServer, LokiStore

LOGS = Logs(
    sources=(LogSource.CONTAINERS,),
    exclude_namespaces=("ci",),
    buffer=256 << 20,
    memory="300Mi",
    loki=LokiStore(storage="1Gi", storage_class="", retention_hours=24, memory="1Gi", readers=()),
    destinations=(),
    events=Events(),
)
SECRET = "not-a-real-secret-value"

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[OtlpReceiver]:
    with OtlpReceiver(tmp_path / "receiver") as running:
        yield running


def shipper(root: Path, receiver: OtlpReceiver, logs: Logs = LOGS) -> CollectorProcess:
    paths = collector_paths(root, receiver.directory / "client")
    return CollectorProcess(root, as_json(shipper_configuration(logs, paths=paths, loki_url=receiver.url)))


def as_json(configuration: Any) -> Any:  # noqa: ANN401 - JSON
    for exporter in configuration["exporters"].values():
        exporter |= {"encoding": "json", "compression": "none"}
    return configuration


def test_program_accepts_the_configurations(tmp_path: Path) -> None:
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
    paths = collector_paths(tmp_path, tmp_path / "client")
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


def test_lines_of_containers_have_the_metadata_of_their_pod(receiver: OtlpReceiver, tmp_path: Path) -> None:
    path = pod_file(tmp_path, f"shop_web-0_{UID}/web", "2.log")
    path.write_text(cri_lines(["started"]) + cri_lines(["first half, "], "P") + cri_lines(["second half"]))
    pod_file(tmp_path, f"ci_build_{UID}/build").write_text(cri_lines(["excluded"]))
    pod_file(tmp_path, f"logs_log-shipper-x_{UID}/log-shipper").write_text(cri_lines(["of the shipper"]))
    with shipper(tmp_path, receiver):
        wait_for(lambda: len(receiver.entries) == 2, "both lines")
        append(path, cri_lines(["a later line"]))
        wait_for(lambda: "a later line" in receiver.bodies(), "the later line")
    assert {*receiver.bodies()} == {"started", "first half, second half", "a later line"}
    for entry in receiver.entries:
        assert entry.resource == {
            "log.source": "containers",
            "k8s.node.name": NODE,
            "k8s.namespace.name": "shop",
            "k8s.pod.name": "web-0",
            "k8s.pod.uid": UID,
            "k8s.container.name": "web",
            "k8s.container.restart_count": "2",
        }
        assert entry.attributes == {"log.iostream": "stdout"}
        assert entry.time


def test_nothing_is_lost_while_the_receiver_is_away(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """The log file is rotated, and the shipper is killed and starts again."""
    path, expected = pod_file(tmp_path, f"shop_web-0_{UID}/web"), [f"line {n:05}" for n in range(4000)]
    running = shipper(tmp_path, receiver)
    with running:
        append(path, cri_lines(expected[:500]))
        wait_for(lambda: len(receiver.entries) == 500, "the lines before")
        receiver.stop()
        append(path, cri_lines(expected[500:1500]))
        wait_for(lambda: queue_size(tmp_path) > 50_000, "lines in the queue")
        path.rename(path.with_name("0.log.20261123-120000"))
        append(path, cri_lines(expected[1500:2500]))
        running.stop(kill=True)
        append(path, cri_lines(expected[2500:3500]))
        running.start()
        append(path, cri_lines(expected[3500:]))
        receiver.start()
        wait_for(lambda: {*receiver.bodies()} == {*expected}, "all lines", seconds=120)


def queue_size(root: Path) -> int:
    """Return the size of the files of the queue, in bytes."""
    return sum(path.stat().st_size for path in (root / "data").glob("exporter_*"))


def test_full_queue_blocks_and_loses_nothing(receiver: OtlpReceiver, tmp_path: Path) -> None:
    text = "x" * 400
    path = pod_file(tmp_path, f"shop_web-0_{UID}/web")
    expected = [f"line {number:05} {text}" for number in range(4000)]
    running = shipper(tmp_path, receiver)
    for exporter in running.configuration["exporters"].values():
        exporter["sending_queue"]["queue_size"] = 200_000
        exporter["sending_queue"]["batch"] |= {"min_size": 50_000, "max_size": 100_000}
    receiver.stop()
    with running:
        append(path, cri_lines(expected))
        wait_for(lambda: queue_size(tmp_path) > 200_000, "a full queue")
        # The lines have 1.6 MB. A queue that did not block would have all of them after a second.
        with pytest.raises(AssertionError, match="still not"):
            wait_for(lambda: queue_size(tmp_path) > 1_500_000, "more than the queue", seconds=8)
        receiver.start()
        wait_for(lambda: {*receiver.bodies()} == {*expected}, "all lines", seconds=120)
    assert Counter(receiver.bodies()).most_common(1)[0][1] == 1, "lines arrived twice"


def test_journal_of_the_host_is_read_with_its_own_journalctl(receiver: OtlpReceiver, tmp_path: Path) -> None:
    host, line = tmp_path / "host", "the kubelet warns"
    copy_journalctl(host)
    write_journal(host, line)

    def found() -> list[Entry]:
        return [entry for entry in receiver.entries if entry.body == line]

    with shipper(tmp_path, receiver, replace(LOGS, sources=(LogSource.JOURNAL,))) as running:
        wait_for(found, f"the line of the journal\n{running.log()}")
    [entry] = found()
    assert entry.attributes["systemd.identifier"] == "kubelet"
    assert entry.severity == 13, "a warning of OpenTelemetry"
    assert entry.resource["k8s.node.name"] == NODE
    assert entry.resource["log.source"] == "journal"


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
    with ControlPlane(tmp_path_factory.mktemp("cluster"), api_flags=flags) as control_plane:
        yield control_plane, root


def test_audit_log_shows_who_reads_a_secret_without_its_content(
    receiver: OtlpReceiver, audited: tuple[ControlPlane, Path]
) -> None:
    control_plane, root = audited
    control_plane.kubectl("create", "secret", "generic", "payment", f"--from-literal=key={SECRET}")
    control_plane.kubectl("get", "secret", "payment", "--output=yaml")

    def requests() -> dict[str, tuple[Any, int]]:
        """Return the audit entries of the Secret and the times of the shipper, by verb."""
        found = ((json.loads(entry.body), entry.time) for entry in receiver.entries)
        names = ((item, time) for item, time in found if item.get("objectRef", {}).get("name") == "payment")
        return {item["verb"]: (item, time) for item, time in names}

    with shipper(root, receiver, replace(LOGS, sources=(LogSource.AUDIT,))):
        wait_for(lambda: {"create", "get"} <= requests().keys(), "the entries of the Secret")
    for item, time in requests().values():
        assert item["user"]["username"] == "admin"
        assert not {"requestObject", "responseObject"} & item.keys()
        # The time of an entry is that of the request, not that of its delivery.
        assert abs(time / 1e9 - datetime.fromisoformat(item["stageTimestamp"]).timestamp()) < 0.001
    for content in (SECRET, b64encode(SECRET.encode()).decode()):
        assert not [body for body in receiver.bodies() if content in body]


def test_receiver_of_the_user_gets_login_and_tenant(receiver: OtlpReceiver, tmp_path: Path) -> None:
    login = basic_credentials("shipper", "p\"a:s'#1-not-real")
    destination = Destination(
        name="central",
        server=LokiServer(url=receiver.url, tenant="prod", username="shipper"),
        ca=receiver.authority.certificate_pem.decode(),
    )
    logs = replace(LOGS, loki=None, destinations=(destination,))
    paths = collector_paths(tmp_path, receiver.directory / "client")
    configuration = as_json(shipper_configuration(logs, paths=paths))
    # The receiver of the tests asks for a client certificate, which those of users do not.
    files = {"cert_file": f"{paths.tls}/tls.crt", "key_file": f"{paths.tls}/tls.key"}
    configuration["exporters"]["otlp_http/central"]["tls"] |= files
    for name in ("passwords", "authorities"):
        (tmp_path / name).mkdir()
    (tmp_path / "passwords/central").write_text(login)
    (tmp_path / "authorities/central.crt").write_text(destination.ca)
    append(pod_file(tmp_path, f"shop_web-0_{UID}/web"), cri_lines(["to the receiver"]))
    with CollectorProcess(tmp_path, configuration) as running:
        wait_for(lambda: receiver.bodies() == ["to the receiver"], "the line")
    headers = {key.lower(): value for key, value in receiver.headers[0].items()}
    assert headers["authorization"] == f"Basic {login}"
    assert headers["x-scope-orgid"] == "prod"
    assert login not in running.log()
