"""Tests of the recorded decisions of the emulated IAM, and of the permissions that they show as unused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cloud.aws.decision_log import Decision, DecisionLog
from tests.clouds.permissions import unused_permissions

READ = Decision("node", "s3:GetObject", "arn:aws:s3:::store/pools/a/node.sh", {}, allowed=True)
LEAVE = Decision("node", "autoscaling:SetInstanceHealth", "arn:group/a", {"tag": "test"}, allowed=True)
POLICY = {
    "Statement": [
        {
            "Sid": "Bundles",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::store/*"],
        },
        {
            "Sid": "Leave",
            "Effect": "Allow",
            "Action": ["autoscaling:SetInstanceHealth", "autoscaling:CompleteLifecycleAction"],
            "Resource": ["arn:group/*"],
            "Condition": {"StringEquals": {"tag": ["test"]}},
        },
    ]
}


def test_repeated_decision_is_recorded_once(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path / "cloud" / "decisions.json")
    for decision in (READ, LEAVE, READ):
        log.add(decision)
    assert DecisionLog(log.path).all() == [READ, LEAVE]


def test_permission_without_requests_is_unused() -> None:
    assert unused_permissions(POLICY, [READ, LEAVE]) == {("Leave", "autoscaling:CompleteLifecycleAction")}


def test_permission_of_two_statements_is_unused() -> None:
    broad = {"Sid": "All", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]}
    policy = {"Statement": [*POLICY["Statement"], broad]}
    assert {name for name, _ in unused_permissions(policy, [READ])} >= {"Bundles", "All"}


def test_request_that_the_policy_refuses_fails_the_check() -> None:
    foreign = Decision("node", "s3:GetObject", "arn:aws:s3:::other/key", {}, allowed=True)
    with pytest.raises(AssertionError):
        unused_permissions(POLICY, [foreign])
