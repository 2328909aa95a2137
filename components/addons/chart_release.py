"""Helm releases of the charts that Kubewright selects [H5]."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi import ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from topology.charts import Chart
from topology.model import Topology
from topology.options import NetworkPlugin

Values = Mapping[str, object]
"""Values of a chart."""
_TIMEOUT_SECONDS = 600


def create_release(
    name: str,
    chart: Chart,
    release: str,
    namespace: str,
    values: Values,
    topology: Topology,
    opts: ResourceOptions,
) -> Release:
    """Create the Helm release of a chart, and wait for its pods if the cluster has a pod network.

    Helm rolls back a failed upgrade only if it waits.
    """
    waits = topology.network.cni is not NetworkPlugin.NONE
    return Release(
        f"{name}-release",
        name=release,
        chart=chart.chart,
        version=chart.version or None,
        namespace=namespace,
        repository_opts=RepositoryOptsArgs(repo=chart.repository) if chart.repository else None,
        values=dict(values),
        atomic=waits,
        skip_await=None if waits else True,
        timeout=_TIMEOUT_SECONDS,
        opts=opts,
    )
