"""Tests of `addons.monitoring` on AWS: certificates of machines, and the port of their metrics."""

from __future__ import annotations

from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import aws_resources, graph
from topology.ports import HOST_METRICS_PORT


def monitored(cluster: Json) -> None:
    cluster["addons"] = {"monitoring": {}}


def test_security_groups_open_the_metrics_of_hosts_only_with_monitoring() -> None:
    with_monitoring, without = aws_resources(graph(monitored)), aws_resources(graph())
    port = str(HOST_METRICS_PORT)
    opened = [node.name for node in with_monitoring if port in str(node.inputs)]
    assert opened
    assert not [node.name for node in without if port in str(node.inputs)]


def test_machines_of_pools_share_a_certificate() -> None:
    resources = graph(monitored)
    names = {node.name for node in resources.nodes.values() if node.type.endswith(":LocallySignedCert")}
    assert any(name.endswith("worker-metrics") for name in names)
    assert not [name for name in names if "metrics-general" in name]
