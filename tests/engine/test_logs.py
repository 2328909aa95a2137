"""Tests of the shipper with the real OpenTelemetry Collector and the real Loki, on loopback.

There is no node: a directory has the files of a host. The configurations are those of the add-on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from components.addons.collector_config import shipper_configuration
from testkit.certificates import issue_certificate
from testkit.log_files import UID, append, cri_lines, pod_file
from testkit.log_programs import (
    NODE,
    CollectorProcess,
    LokiProcess,
    collector_paths,
    wait_for,
    write_certificate,
)
from topology.logs import Events, Logs, LogSource, LokiStore

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
WEB = f"shop_web-0_{UID}/web"
SHOP = '{k8s_namespace_name="shop"}'

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LokiProcess]:
    with LokiProcess(tmp_path_factory.mktemp("loki"), STORE) as running:
        yield running


def shipper(root: Path, loki: LokiProcess) -> CollectorProcess:
    paths = collector_paths(root, loki.directory / "client")
    configuration = shipper_configuration(LOGS, paths=paths, loki_url=loki.url)
    return CollectorProcess(root, configuration)


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
    pod, query = f"away_web-0_{UID}/web", '{k8s_namespace_name="away"}'
    path, expected = pod_file(tmp_path, pod), [f"line {number:05}" for number in range(4000)]
    running = shipper(tmp_path, loki)
    with running:
        append(path, cri_lines(expected[:500]))
        wait_for(lambda: len(loki.query(query)) == 500, "the lines before")
        loki.stop()
        append(path, cri_lines(expected[500:2500]))
        running.stop(kill=True)
        append(path, cri_lines(expected[2500:]))
        running.start()
        loki.start()
        wait_for(lambda: {*loki.lines(query)} == {*expected}, "all lines", seconds=120)
