"""Tests of the queries of dashboards with Prometheus and the programs of a real control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from components.addons.grafana_dashboards import read_dashboards
from testkit.monitored_host import ADDRESS, MonitoredHost
from testkit.promql import Selector, selectors
from tests.engine.test_metrics_gateway import GATEWAY, fetch, host_with_gateway
from tests.engine.test_prometheus import (
    ALERTMANAGER_URL,
    PROMETHEUS_URL,
    ask,
    create_objects,
    run_host_metrics,
    start_alertmanager,
    start_prometheus,
    start_receiver,
)
from tests.unit.components.test_grafana_dashboards import TABLE
from topology.monitoring import GRAFANA, NAMESPACE, PROMETHEUS

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]  # the programs are built
QUERIES = [
    query.expr for dashboard in read_dashboards() for panel in dashboard.panels for query in panel.queries
]
_OPERATORS = {"eq": "=", "ne": "!=", "re": "=~", "nre": "!~"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredHost]:
    with host_with_gateway(tmp_path_factory.mktemp("host")) as host:
        run_host_metrics(host)
        host.start("node-exporter.service")
        create_objects(host)
        create_waiting_pod(host)
        start_receiver(host)
        start_alertmanager(host, GRAFANA)
        start_prometheus(host)
        yield host


def create_waiting_pod(host: MonitoredHost) -> None:
    """Create a pod that the scheduler has to place. Before, it has no series about attempts."""
    container = {"name": "waiting", "image": "waiting"}
    spec = {"serviceAccountName": PROMETHEUS, "containers": [container]}
    metadata = {"name": "waiting", "namespace": NAMESPACE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    host.kubectl("apply", "--filename=-", stdin=json.dumps(pod))


@pytest.mark.parametrize(
    ("url", "port"), [(f"{PROMETHEUS_URL}/api/v1/labels", 9090), (f"{ALERTMANAGER_URL}/api/v2/alerts", 9093)]
)
def test_data_sources_admit_the_certificate_of_grafana(host: MonitoredHost, url: str, port: int) -> None:
    name = url.split("/")[2].partition(":")[0]
    resolve = ("--connect-to", f"{name}:{port}:{ADDRESS}:{port}")

    def status(client: str) -> str:
        return fetch(host, url, client=client, options=resolve)[0]

    host.wait_until(lambda: status(GRAFANA) == "200", f"{name} does not answer")
    assert status("csr-approver") == ("000" if port == 9093 else "200")


def test_metrics_gateway_refuses_the_certificate_of_grafana(host: MonitoredHost) -> None:
    assert fetch(host, f"{GATEWAY}/etcd", client=GRAFANA)[0] == "403"


def parsed(node: Any) -> Iterator[Selector]:  # noqa: ANN401 - JSON
    """Yield the selectors in a tree of Prometheus."""
    if isinstance(node, list):
        for item in node:
            yield from parsed(item)
    elif isinstance(node, dict):
        if node.get("type") in {"vectorSelector", "matrixSelector"}:
            matchers = [
                (item["name"], item["type"] if item["type"] in _OPERATORS.values() else "", item["value"])
                for item in node["matchers"]
                if item["name"] != "__name__"
            ]
            yield Selector(node["name"], frozenset(matchers))
        else:
            for item in node.values():
                yield from parsed(item)


def test_prometheus_reads_each_query_as_the_tests_do(host: MonitoredHost) -> None:
    host.wait_until(lambda: ask(host, "query?query=up"), "Prometheus does not answer")
    for expression in QUERIES:
        tree = ask(host, f"parse_query?query={quote(expression)}")
        assert tree, f"not PromQL: {expression}"
        assert sorted(parsed(tree), key=repr) == sorted(selectors(expression), key=repr), expression


def test_wrong_query_is_refused(host: MonitoredHost) -> None:
    assert ask(host, f"parse_query?query={quote('sum by (up')}") is None


def test_programs_have_the_series_of_the_table(host: MonitoredHost) -> None:
    table = yaml.safe_load(TABLE.read_text())["measured"]

    def missing() -> dict[str, set[str]]:
        found = {}
        for job, names in table.items():
            match = quote(f'{{job="{job}"}}')
            series = ask(host, f"label/__name__/values?match[]={match}") or []
            if lacking := {*names} - {*series}:
                found[job] = lacking
        return found

    try:
        host.wait_until(lambda: not missing(), "series are missing", seconds=90)
    except AssertionError as error:
        raise AssertionError(f"missing: {missing()}") from error


def test_queries_of_this_host_have_results(host: MonitoredHost) -> None:
    """Each query is evaluated. Those about jobs that run on this host find series, once two samples exist."""
    # Nothing fails here, and the network namespace has only the device lo.
    empty = ("ALERTS", "== 0", "alertmanager_notifications_failed_total", 'device!="lo"')
    jobs = {*yaml.safe_load(TABLE.read_text())["measured"]}

    def is_measured(expression: str) -> bool:
        names = [name for selector in selectors(expression) for name in selector.values("job")]
        return bool(names) and {*names} <= jobs and not any(text in expression for text in empty)

    def unanswered() -> list[str]:
        return [
            expression
            for expression in QUERIES
            if (data := ask(host, f"query?query={quote(expression)}")) is None
            or (is_measured(expression) and expected(expression) and not data["result"])
        ]

    def expected(expression: str) -> bool:
        table = yaml.safe_load(TABLE.read_text())
        others = (table["source"], table["host_metrics"])
        names = {name for group in others for job in jobs for name in group.get(job, ())}
        return not names & {selector.name for selector in selectors(expression)}

    try:
        host.wait_until(lambda: not unanswered(), "queries have no result", seconds=120)
    except AssertionError as error:
        raise AssertionError(f"no result: {unanswered()}") from error
