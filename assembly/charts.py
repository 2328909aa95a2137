"""Conversion of the settings of a Helm chart to plain data."""

from __future__ import annotations

from settings.charts import ChartSection, is_path, needs_repository
from topology.charts import Chart


def build_chart(section: ChartSection) -> Chart:
    """Return the chart that a valid section names."""
    return Chart(
        chart=section.chart,
        repository=section.repository if needs_repository(section.chart) else "",
        version="" if is_path(section.chart) else section.version,
    )
