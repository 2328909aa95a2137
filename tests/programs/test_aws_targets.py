"""Tests of targets that clients register at the emulated load balancer of AWS at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.cloud.aws.clients import client
from lab.paths import LabPaths
from testkit.emulated_aws import LAB, emulated_aws

ADDRESSES = [f"10.0.0.{number}" for number in range(10, 58)]


def test_load_balancer_has_all_targets_that_are_registered_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test that no request fails or is lost: the members of a control plane register in parallel."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    with emulated_aws(tmp_path) as variables:
        vpc = client("ec2", variables).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        balancing = client("elbv2", variables)
        group = balancing.create_target_group(
            Name="api", Protocol="TCP", Port=6443, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]

        def register(address: str) -> None:
            balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": 6443}])

        with ThreadPoolExecutor(max_workers=16) as pool:
            list(pool.map(register, ADDRESSES))
    targets = json.loads((LabPaths.of(LAB).cloud / "targets.json").read_text())
    assert targets == sorted(ADDRESSES)
