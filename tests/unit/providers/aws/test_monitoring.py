"""Tests of `addons.monitoring` on AWS: certificates of machines, and the port of their metrics."""

from __future__ import annotations

import pytest

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import aws_resources, graph
from tests.unit.providers.program import section, write_index
from topology.ports import HOST_METRICS_PORT


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the example with monitoring, and an index with its programs."""
    index = write_index(tmp_path_factory.mktemp("index"), "node_exporter", "cfssl-certinfo")

    def change(cluster: Json) -> None:
        section(cluster, "artifacts")["index"] = str(index)
        cluster["addons"] = {"monitoring": {}}

    return graph(change)


def test_security_groups_open_the_metrics_of_hosts_only_with_monitoring(monitored: Graph) -> None:
    with_monitoring, without = aws_resources(monitored), aws_resources(graph())
    port = str(HOST_METRICS_PORT)
    opened = [node.name for node in with_monitoring if port in str(node.inputs)]
    assert opened
    assert not [node.name for node in without if port in str(node.inputs)]


def test_machines_of_pools_share_a_certificate(monitored: Graph) -> None:
    names = {node.name for node in monitored.nodes.values() if node.type.endswith(":LocallySignedCert")}
    assert any(name.endswith("worker-metrics") for name in names)
    assert not [name for name in names if "metrics-general" in name]
