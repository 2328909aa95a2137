"""Tests of what the emulated AWS needs for tokens of machines: variables in policies, and launch times."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace

import pytest
from moto.ec2 import utils

from lab.cloud.aws.instance_filters import add_launch_times
from lab.cloud.aws.policy import is_allowed
from providers.aws.names import Names
from providers.aws.permissions import OWN_TOKEN
from providers.aws.policies import policy_document, template_values

INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance"
OBJECTS = "arn:aws:s3:::store/joins"


def allowed(resource: str, instance: str | None, pattern: str = "") -> bool:
    values = template_values(Names(cluster="c", region="eu-central-1"), bucket="store")
    policy = json.loads(policy_document([OWN_TOKEN], values))
    if pattern:
        policy["Statement"][0]["Resource"] = [pattern]
    context = {} if instance is None else {"ec2:sourceinstancearn": instance}
    return is_allowed([json.dumps(policy)], "s3:PutObject", resource, context)


@pytest.mark.parametrize(
    ("resource", "instance", "expected"),
    [
        (f"{OBJECTS}/{INSTANCE}/i-1", f"{INSTANCE}/i-1", True),
        (f"{OBJECTS}/{INSTANCE}/i-2", f"{INSTANCE}/i-1", False),
        (f"{OBJECTS}/{INSTANCE}/i-10", f"{INSTANCE}/i-1", False),
        (f"{OBJECTS}/x", f"{INSTANCE}/i-1", False),
        # Credentials that are not those of a machine have no such value.
        (f"{OBJECTS}/{INSTANCE}/i-1", None, False),
        # Wildcards count only in the policy itself.
        (f"{OBJECTS}/{INSTANCE}/i-1", f"{INSTANCE}/*", False),
        (f"{OBJECTS}/{INSTANCE}/*", f"{INSTANCE}/*", True),
    ],
)
def test_a_machine_writes_only_the_object_with_its_arn(
    resource: str, instance: str | None, expected: bool
) -> None:
    assert allowed(resource, instance) is expected


def test_wildcards_beside_a_variable_still_count() -> None:
    pattern = f"{OBJECTS}/*/${{ec2:SourceInstanceARN}}/?"
    assert allowed(f"{OBJECTS}/a/{INSTANCE}/i-1/b", f"{INSTANCE}/i-1", pattern)
    assert not allowed(f"{OBJECTS}/a/{INSTANCE}/i-1/bc", f"{INSTANCE}/i-1", pattern)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["2026-01-02T03*"], True),
        (["2026-01-02T04*", "2026-01-02T03*"], True),
        (["2026-01-02T04*"], False),
        (["2026-01-02T03:04:05.000Z"], True),
        (["2026-01-02T03"], False),
    ],
)
def test_instances_are_found_by_their_launch_time(patterns: list[str], expected: bool) -> None:
    add_launch_times()
    instance = SimpleNamespace(launch_time=datetime(2026, 1, 2, 3, 4, 5), instance_type="t3.large")
    assert utils.passes_filter_dict(instance, {"launch-time": patterns}) is expected
    assert utils.passes_filter_dict(instance, {"instance-type": ["t3.large"]})
