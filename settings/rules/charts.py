"""Checks of the charts that Kubewright selects, for the rules of their sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def own_value_problems(
    path: str, values: Mapping[str, object], own: Mapping[tuple[str, ...], str]
) -> Iterator[Problem]:
    """Yield a problem for each of the additional values of a chart that follows from other settings.

    `own` has these settings by the path of the value.
    """
    for keys, setting in own.items():
        if has_value(values, keys):
            yield Problem(
                f"{path}.values.{'.'.join(keys)}",
                "",
                f"is determined by {setting}; remove it, and use {setting}",
            )


def refused_value_problems(
    path: str, values: Mapping[str, object], refused: Mapping[tuple[str, ...], str]
) -> Iterator[Problem]:
    """Yield a problem for each of the additional values of a chart that Kubewright refuses.

    `refused` has the reasons by the path of the value.
    """
    for keys, reason in refused.items():
        if has_value(values, keys):
            yield Problem(f"{path}.values.{'.'.join(keys)}", "", f"{reason}; remove it")


def has_value(values: object, keys: tuple[str, ...]) -> bool:
    """Check whether the values of a chart have a value at a path."""
    for key in keys:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True
