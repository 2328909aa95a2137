"""What keeps the letter of a rule and not its spirit."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.policy.judging import KEY, TAGS, found

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (INGRESS, {"cidrIpv4": "128.0.0.0/1", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}),
        (INGRESS, {"cidrIpv6": "2000::/3", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}),
        (
            "azure-native:network:SecurityRule",
            {"direction": "inbound", "access": "allow", "sourceAddressPrefix": "*", "protocol": "Tcp"},
        ),
    ],
)
def test_half_the_world_is_open_to_it(kind: str, inputs: dict[str, Any]) -> None:
    assert "no-open-ingress" in found(kind, inputs)


def test_a_network_of_ones_own_is_not_the_world() -> None:
    own = {"cidrIpv4": "10.0.0.0/8", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    assert "no-open-ingress" not in found(INGRESS, own)


@pytest.mark.parametrize(
    "key",
    ["token", "api_token", "api-key", "apiKey", "private_key", "client_secret", "secret", "db-password"],
)
def test_a_secret_by_the_name_of_its_key(key: str) -> None:
    release = "kubernetes:helm.sh/v3:Release"
    assert "no-plain-secret" in found(release, {"values": {key: "hunter22"}})
    assert "no-plain-secret" in found(release, {"values": {"env": [{"name": key, "value": "hunter22"}]}})
    assert "no-plain-secret" not in found(release, {"values": {key: "[secret]"}})


@pytest.mark.parametrize("key", ["existingSecret", "secretName", "httpTokens", "passwordFile", "tokens"])
def test_the_name_of_a_secret_is_none(key: str) -> None:
    assert "no-plain-secret" not in found("kubernetes:helm.sh/v3:Release", {"values": {key: "my-object"}})


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:hunter22@db.example.com/x",
        base64.b64encode(f"x{KEY}".encode()).decode(),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        '{"auths": {"r": {"auth": "dXNlcjpodW50ZXIyMg=="}}}',
    ],
)
def test_a_secret_by_its_form(text: str) -> None:
    assert "no-plain-secret" in found("kubernetes:core/v1:ConfigMap", {"data": {"x": text}})


def test_a_bucket_policy_for_everyone() -> None:
    kind = "aws:s3/bucketPolicy:BucketPolicy"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    assert "no-public-store" in found(kind, {"policy": json.dumps({"Statement": statement})})
    deny = {**statement, "Effect": "Deny"}
    limited = {**statement, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    assert "no-public-store" not in found(kind, {"policy": json.dumps({"Statement": [deny, limited]})})


def test_machines_get_no_public_address_by_their_group_or_subnet() -> None:
    address = {"ipConfigurations": [{"publicIPAddressConfiguration": {"name": "x"}}]}
    profile = {"networkProfile": {"networkInterfaceConfigurations": [address]}}
    scale_set = {"virtualMachineProfile": profile, "tags": TAGS}
    assert "no-public-machine" in found("azure-native:compute:VirtualMachineScaleSet", scale_set)
    subnet = {"mapPublicIpOnLaunch": True, "tags": TAGS}
    assert "no-public-machine" in found("aws:ec2/subnet:Subnet", subnet)
