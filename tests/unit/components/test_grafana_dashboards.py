"""Tests of the dashboards: Prometheus keeps all series of their panels, and Grafana can read them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from assembly import build_topology
from components.addons.grafana_dashboards import Panel, dashboard_files, read_dashboards
from components.addons.monitoring_targets import prometheus_configuration
from nodeconfig.host_metrics import host_metrics_program
from settings import load
from testkit.promql import Selector, selectors
from tests.unit.settings.support import HIGHLY_AVAILABLE, with_edits
from tests.unit.settings.wrong_monitoring import settings

Json = dict[str, Any]
WRITTEN_BY_PROMETHEUS = {"ALERTS"}
"""Series that Prometheus writes itself for its rules."""
TARGETS = {"up"}
"""Series that Prometheus writes for each target of each job."""
TABLE = Path(__file__).parent / "scraped_metrics.yaml"
ALL_PANELS = [
    (f"{dashboard.name}: {panel.title}", panel)
    for dashboard in read_dashboards()
    for panel in dashboard.panels
]


@cache
def scraped() -> dict[str, set[str]]:
    """Return the series of each job in the table."""
    found: dict[str, set[str]] = {}
    for jobs in yaml.safe_load(TABLE.read_text()).values():
        for job, names in jobs.items():
            found.setdefault(job, set()).update(names)
    return found


@cache
def scrape_configs() -> list[Json]:
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, {"addons.monitoring": settings()})))
    assert topology.monitoring
    configs: Any = prometheus_configuration(topology, topology.monitoring)["scrape_configs"]
    return [*configs]


def dropped_series(configs: list[Json]) -> dict[str, list[str]]:
    """Return the expressions of dropped series by job. Jobs of workers have the label of their endpoint."""
    found: dict[str, list[str]] = {}
    for config in configs:
        labels = [
            item["replacement"]
            for item in config.get("relabel_configs", ())
            if item.get("target_label") == "job"
        ]
        rules = [
            rule["regex"]
            for rule in config.get("metric_relabel_configs", ())
            if rule["action"] == "drop" and rule["source_labels"] == ["__name__"]
        ]
        found.setdefault(labels[0] if labels else config["job_name"], []).extend(rules)
    return found


def problems(selector: Selector) -> list[str]:
    """Return why Prometheus has no series for a selector."""
    dropped, table = dropped_series(scrape_configs()), scraped()
    if selector.name in WRITTEN_BY_PROMETHEUS or (selector.name in TARGETS and not selector.values("job")):
        return []
    jobs = selector.values("job")
    found = [] if jobs else ["names no job"]
    for job in jobs:
        if job not in dropped:
            found.append(f"no job {job}")
        elif selector.name not in TARGETS | table[job]:
            found.append(f"{job} has no {selector.name}")
        found += [f"{job} drops it" for rule in dropped.get(job, ()) if re.fullmatch(rule, selector.name)]
    return found


@pytest.mark.parametrize("panel", [panel for _, panel in ALL_PANELS], ids=[name for name, _ in ALL_PANELS])
def test_prometheus_keeps_the_series_of_each_panel(panel: Panel) -> None:
    for query in panel.queries:
        assert selectors(query.expr), query.expr
        for selector in selectors(query.expr):
            assert problems(selector) == [], f"{selector.name} in {query.expr}"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("node_load1", "names no job"),
        ('up{job="node"}', "no job node"),
        ('rate(etcd_requests{job="etcd"}[5m])', "etcd has no etcd_requests"),
        ('sum(container_tasks_state{job="cadvisor"})', "cadvisor drops it"),
        ('process_cpu_seconds_total{job=~"etcd|kubelet"}', "kubelet has no process_cpu_seconds_total"),
    ],
)
def test_series_that_prometheus_lacks_are_found(expression: str, reason: str) -> None:
    assert reason in [problem for selector in selectors(expression) for problem in problems(selector)]


def test_table_has_only_series_that_prometheus_keeps() -> None:
    dropped = dropped_series(scrape_configs())
    for job, names in scraped().items():
        assert job in dropped, job
        for rule in dropped[job]:
            assert not [name for name in names if re.fullmatch(rule, name)], job


def test_series_of_hosts_are_those_of_their_program() -> None:
    names = yaml.safe_load(TABLE.read_text())["host_metrics"]["node-exporter"]
    assert names
    for name in names:
        assert f"metric {name} " in host_metrics_program()


def models() -> dict[str, Json]:
    return {name: json.loads(text) for name, text in dashboard_files().items()}


def test_subjects_of_the_dashboards() -> None:
    titles = {model["title"] for model in models().values()}
    assert titles == {
        "Cluster overview",
        "etcd",
        "API servers and control plane",
        "Nodes and kubelets",
        "Certificates, snapshots and units",
    }
    assert len({model["uid"] for model in models().values()}) == len(titles)


@pytest.mark.parametrize("name", sorted(models()))
def test_panels_do_not_overlap_and_fit_the_page(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in models()[name]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in models()[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", sorted(models()))
def test_panels_query_the_data_source_of_prometheus(name: str) -> None:
    source = {"type": "prometheus", "uid": "prometheus"}
    panels = [panel for panel in models()[name]["panels"] if panel["type"] != "row"]
    assert panels
    for panel in panels:
        assert panel["datasource"] == source
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"] == source
            assert target["instant"] is (panel["type"] != "timeseries")


def test_unknown_key_of_a_panel_is_refused(tmp_path: Path) -> None:
    panel = {"title": "x", "colour": "red", "queries": [{"expr": "up"}]}
    (tmp_path / "x.yaml").write_text(
        yaml.safe_dump({"title": "x", "rows": [{"title": "y", "panels": [panel]}]})
    )
    with pytest.raises(TypeError, match="colour"):
        read_dashboards(tmp_path)
