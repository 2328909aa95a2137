"""The dashboards of Grafana, from the files in the directory `dashboards` [H4].

A file has the title of the dashboard, its rows, their panels and the queries of each panel. This module
places the panels and returns the JSON that Grafana reads.

Format: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.addons.grafana_values import HOME
from topology.monitoring import PROMETHEUS

DIRECTORY = Path(__file__).parent / "dashboards"
_COLUMNS = 24
_HEIGHT = {"stat": 4, "timeseries": 8, "table": 8}
_WIDTH = {"stat": 6, "timeseries": 12, "table": 12}
_SCHEMA_VERSION = 39
_SOURCE = {"type": PROMETHEUS, "uid": PROMETHEUS}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """A query in PromQL. `legend` names its series by their labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel: `stat` shows one number, `table` the labels and values of now, `timeseries` lines.

    A stat is red from the value `alarm`. `width` is in 24ths of the page.
    """

    title: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    unit: str = "short"
    description: str = ""
    width: int = 0
    alarm: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard with its rows of panels, by the titles of the rows."""

    name: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...] = field(default_factory=tuple)

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels."""
        return (panel for _, panels in self.rows for panel in panels)


def read_dashboards(directory: Path = DIRECTORY) -> tuple[Dashboard, ...]:
    """Return the dashboards in the files of a directory. Raise TypeError for an unknown key."""
    return tuple(
        _dashboard(path.stem, yaml.safe_load(path.read_text())) for path in sorted(directory.glob("*.yaml"))
    )


def _dashboard(name: str, document: Mapping[str, Any]) -> Dashboard:
    rows = tuple(
        (row["title"], tuple(_panel(**panel) for panel in row["panels"])) for row in document["rows"]
    )
    return Dashboard(name, document["title"], rows)


def _panel(*, queries: list[Mapping[str, str]], **keys: Any) -> Panel:  # noqa: ANN401 - YAML
    return Panel(queries=tuple(Query(**query) for query in queries), **keys)


def dashboard_files() -> dict[str, str]:
    """Return the JSON texts of all dashboards by the names of their files."""
    files = {f"{item.name}.json": json.dumps(_model(item), indent=1) for item in read_dashboards()}
    assert HOME in files, "the first page of Grafana is a dashboard"
    return files


def _model(dashboard: Dashboard) -> Json:
    """Return a dashboard in the JSON model of Grafana."""
    return {
        "uid": f"kubewright-{dashboard.name}",
        "title": dashboard.title,
        "tags": ["kubewright"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": [*_place(dashboard)],
    }


def _place(dashboard: Dashboard) -> Iterator[Json]:
    """Yield the rows and panels with their places, from left to right."""
    number = y = 0
    for title, panels in dashboard.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
        }
        y, x, height = y + 1, 0, 0
        for panel in panels:
            number += 1
            width = panel.width or _WIDTH[panel.kind]
            if x + width > _COLUMNS:
                y, x, height = y + height, 0, 0
            position = {"x": x, "y": y, "w": width, "h": _HEIGHT[panel.kind]}
            x, height = x + width, max(height, _HEIGHT[panel.kind])
            yield {"id": number, "gridPos": position, **_panel_model(panel)}
        y += height


def _panel_model(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.alarm is not None:
        steps.append({"color": "red", "value": panel.alarm})
    is_now = panel.kind != "timeseries"
    return {
        "type": panel.kind,
        "title": panel.title,
        **({"description": panel.description} if panel.description else {}),
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": _OPTIONS[panel.kind],
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": is_now,
                "range": not is_now,
                **({"format": "table"} if panel.kind == "table" else {}),
            }
            for position, query in enumerate(panel.queries)
        ],
    }


_OPTIONS: dict[str, Json] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}, "colorMode": "value"},
    "table": {"showHeader": True},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
}
"""The options of each kind of panels."""
