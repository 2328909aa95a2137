"""Checks of the charts that Kubewright selects, for the rules of their sections."""

from __future__ import annotations

from collections.abc import Iterator

from settings.charts import ChartSection, needs_repository
from settings.problem import Problem


def chart_problems(path: str, section: ChartSection, known: str, series: str) -> Iterator[Problem]:
    """Yield the problems of a chart: a version outside of `series`, such as `4.13`, whose values Kubewright
    knows, and a second source. `known` is the default version.
    """
    if not section.version.startswith(f"{series}."):
        yield Problem(
            f"{path}.version",
            f'"{section.version}"',
            f"not supported; use a version {series}.x, such as {known}",
        )
    if not needs_repository(section.chart) and "repository" in section.model_fields_set:
        yield Problem(
            f"{path}.repository",
            "",
            "allowed only with a chart's name; remove it for a path or oci:// reference",
        )
