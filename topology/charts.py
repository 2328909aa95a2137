"""The Helm charts that Kubewright installs for an add-on or a driver, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A Helm chart.

    `chart` is the name of the chart in `repository`, or a path or URL if `repository` is empty. `version` is
    empty for a path.
    """

    chart: str
    repository: str
    version: str
