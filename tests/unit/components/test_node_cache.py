"""Tests of the steps in which the DNS cache of nodes is introduced and removed, on mocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.refused_changes import check_node_cache, recorded_inputs
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import cluster_config
from topology.dns import NodeCache


@pytest.mark.parametrize("old", NodeCache)
@pytest.mark.parametrize("new", NodeCache)
def test_only_the_removal_of_a_used_cache_is_refused(old: NodeCache, new: NodeCache) -> None:
    before, after = (
        recorded_inputs(cluster(sections={"dns": {"node_cache": str(value)}})) for value in (old, new)
    )
    problem = check_node_cache(before, after)
    assert bool(problem) is ((old, new) == (NodeCache.USED, NodeCache.NONE))
    assert not problem or "set idle" in problem


def test_state_records_only_an_existing_cache(deploy: Deploy, tmp_path: Path) -> None:
    """Test that the state of clusters of earlier versions stays the same."""
    config = cluster_config(tmp_path, workers=1)
    for value in NodeCache:
        (members,) = deploy(config | {"dns": {"node_cache": str(value)}}).of_type(":ControlPlane")
        assert members.inputs.get("node_cache") == (None if value is NodeCache.NONE else str(value))
        assert any("refused-changes" in name for names in members.hooks.values() for name in names)
