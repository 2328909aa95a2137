"""Tests of the number of DNS servers."""

from __future__ import annotations

import pytest

from topology.dns import replicas_for


@pytest.mark.parametrize(
    ("nodes", "cores", "replicas"),
    [
        (0, 0, 1),
        (1, 512, 1),
        (2, 4, 2),
        (32, 0, 2),
        (33, 0, 3),
        (33, 528, 3),
        (10, 512, 2),
        (10, 513, 3),
        (5000, 0, 313),
    ],
)
def test_replicas_follow_nodes_and_cores(nodes: int, cores: int, replicas: int) -> None:
    assert replicas_for(nodes, cores) == replicas
