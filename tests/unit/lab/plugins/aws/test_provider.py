"""Tests of the stand-in for AWS that need no emulated account."""

from __future__ import annotations

import asyncio
from typing import Any

import boto3
import pytest

from lab.plugins.aws.account import Account, is_emulated
from lab.plugins.aws.parameters import build_parameters
from lab.plugins.aws.provider import AwsProvider
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import UNKNOWN

VPC = "urn:pulumi:test::kubewright::aws:ec2/vpc:Vpc::net"
LAB = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "KWLABADMIN0000000000"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        {"AWS_ACCESS_KEY_ID": "KWLABADMIN0000000000"},
        LAB | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"},
    ],
)
def test_only_keys_of_a_lab_are_used(environment: dict[str, str]) -> None:
    assert not is_emulated(environment)
    with pytest.raises(PluginError, match="do not belong to an emulated account"):
        Account("eu-central-1", environment)


def test_without_an_emulated_account_only_previews_work() -> None:
    provider = AwsProvider({})
    asyncio.run(provider.configure({"region": "eu-central-1"}))
    _, state = asyncio.run(provider.create(VPC, {"cidrBlock": "10.0.0.0/16"}, preview=True, timeout=0))
    assert state["arn"] is UNKNOWN
    with pytest.raises(PluginError, match="supports only previews"):
        asyncio.run(provider.create(VPC, {"cidrBlock": "10.0.0.0/16"}, preview=False, timeout=0))


def emulated_provider() -> AwsProvider:
    provider = AwsProvider(LAB)
    asyncio.run(provider.configure({"region": "eu-central-1"}))
    return provider


def test_unknown_type_is_refused_with_the_file_to_change() -> None:
    urn = "urn:pulumi:test::kubewright::aws:sns/topic:Topic::news"
    with pytest.raises(PluginError, match=r"no such resource type; add it to lab/plugins/aws/catalogue\.py"):
        asyncio.run(emulated_provider().create(urn, {"name": "x"}, preview=False, timeout=0))


def test_change_that_the_emulation_cannot_make_is_refused() -> None:
    old, new = {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.0.0.0/16", "instanceTenancy": "dedicated"}
    update = emulated_provider().update(VPC, {"id": "vpc-1"}, old, new, preview=False, timeout=0)
    with pytest.raises(PluginError, match="cannot change instanceTenancy in place"):
        asyncio.run(update)


def test_parameter_beyond_a_limit_is_refused_before_the_call() -> None:
    with pytest.raises(PluginError, match="is not between /16 and /28"):
        asyncio.run(emulated_provider().create(VPC, {"cidrBlock": "10.0.0.0/8"}, preview=False, timeout=0))


def shape(operation: str) -> Any:  # noqa: ANN401 — botocore's model
    client = boto3.Session("key", "secret", region_name="eu-central-1").client("ec2")
    return client.meta.service_model.operation_model(operation).input_shape


def test_inputs_become_parameters_of_the_service_model() -> None:
    inputs = {"availabilityZone": "eu-central-1a", "size": 10.0, "type": "gp3", "encrypted": "true"}
    assert build_parameters(shape("CreateVolume"), inputs, {"type": "VolumeType"}) == {
        "AvailabilityZone": "eu-central-1a",
        "Size": 10,
        "VolumeType": "gp3",
        "Encrypted": True,
    }
    specification = [{"resourceType": "volume", "tags": {"Name": "x"}}]
    assert build_parameters(shape("CreateVolume"), {"tagSpecifications": specification}, {}) == {
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "x"}]}]
    }


def test_input_without_a_parameter_is_refused() -> None:
    with pytest.raises(PluginError, match="CreateVolumeRequest has no parameter for the input finalSnapshot"):
        build_parameters(shape("CreateVolume"), {"finalSnapshot": True}, {})
