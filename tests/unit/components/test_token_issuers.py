"""Tests of the steps in which the issuer of service account tokens changes, on mocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.refused_changes import check_issuers, recorded_inputs
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import cluster_config

DEFAULT = "https://kubernetes.default.svc.cluster.local"
OLD, NEW = "https://tokens.example.com/old", "https://tokens.example.com/new"
STEPS = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]]
"""The issuers in each step of a change. The first issues new tokens."""


def inputs(issuers: list[str]) -> dict[str, object]:
    section = {"url": issuers[0], "accepted": issuers[1:]}
    return dict(recorded_inputs(cluster(sections={"api": {"service_account_issuer": section}})))


@pytest.mark.parametrize("new", range(4))
@pytest.mark.parametrize("old", range(4))
def test_each_step_and_its_reverse_are_accepted(old: int, new: int) -> None:
    problem = check_issuers(inputs(STEPS[old]), inputs(STEPS[new]))
    skips_a_step = {old, new} in ({0, 2}, {0, 3}, {1, 3})
    assert bool(problem) is skips_a_step
    if problem:
        before, after = STEPS[old][0], STEPS[new][0]
        assert f"{before} cannot become {after} in one step" in problem
        assert f"first set url to {before} and accepted to [{after}]" in problem


def test_issuers_of_earlier_states_are_unknown() -> None:
    assert not check_issuers({"version": "1.36.3"}, inputs([NEW]))


def test_state_records_the_issuers(deploy: Deploy, tmp_path: Path) -> None:
    config = cluster_config(tmp_path, workers=1)
    (members,) = deploy(config).of_type(":ControlPlane")
    assert members.inputs["issuers"] == [DEFAULT]
    assert any("refused-changes" in name for names in members.hooks.values() for name in names)
