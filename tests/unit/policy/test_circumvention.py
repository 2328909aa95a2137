"""Tests that rules detect violations that are written in an unusual form."""

from __future__ import annotations

import base64
import gzip
import json
import textwrap
from typing import Any

import pytest

from policy.rules.public_ranges import is_public
from tests.unit.policy.checks import KEY, TAGS, violations

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        (INGRESS, {"cidrIpv4": "128.0.0.0/1", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}),
        (INGRESS, {"cidrIpv6": "2000::/3", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}),
        (
            "azure-native:network:SecurityRule",
            {"direction": "inbound", "access": "allow", "sourceAddressPrefix": "*", "protocol": "Tcp"},
        ),
    ],
)
def test_half_of_the_internet_is_public(type_: str, inputs: dict[str, Any]) -> None:
    assert "no-open-ingress" in violations(type_, inputs)


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("5.0.0.0/8", False),
        ("4.0.0.0/7", True),
        ("2600::/16", False),
        ("2600::/15", True),
        ("2600::/12", True),
        ("2000::/5", True),
    ],
)
def test_public_begins_above_a_slash_8_of_ipv4_and_a_slash_16_of_ipv6(source: str, public: bool) -> None:
    address = {"cidrIpv6" if ":" in source else "cidrIpv4": source}
    inputs = {**address, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    assert ("no-open-ingress" in violations(INGRESS, inputs)) is public


def test_a_private_network_is_not_public() -> None:
    private = {"cidrIpv4": "10.0.0.0/8", "ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    assert "no-open-ingress" not in violations(INGRESS, private)


@pytest.mark.parametrize(
    ("sources", "public"),
    [
        (["10.0.0.0/7"], False),  # a half of this network is private
        (["5.1.2.3/6"], True),
        (["fc00::/7"], False),
        (["2600::/16", "fe80::/10"], False),
        (["1.0.0.0-2.255.255.255"], True),
        (["1.0.0.0-1.255.255.255"], False),
    ],
)
def test_only_addresses_that_are_routed_on_the_internet_are_public(sources: list[str], public: bool) -> None:
    assert is_public(sources) is public


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_every_plain_value_of_a_kubernetes_secret_is_a_violation(field: str) -> None:
    assert violations("kubernetes:core/v1:Secret", {field: {"any": "thing"}}) == {
        "no-plain-secret": f"{field}.any: a Secret's content must be marked secret (pulumi.Output.secret)"
    }


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (KEY.encode(), True),
        (gzip.compress(KEY.encode(), mtime=0), True),
        (gzip.compress(b" " * 2**20 + KEY.encode(), mtime=0), False),  # Kubewright unpacks only 1 MiB
        (bytes(range(256)), False),
    ],
    ids=["text", "compressed", "long", "binary"],
)
def test_wrapped_base64_is_unpacked(data: bytes, found: bool) -> None:
    text = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 16))
    assert ("no-plain-secret" in violations("aws:x:Y", {"userData": text})) is found


@pytest.mark.parametrize(
    "key",
    ["token", "api_token", "api-key", "apiKey", "private_key", "client_secret", "secret", "db-password"],
)
def test_a_value_with_the_name_of_a_secret_is_a_violation(key: str) -> None:
    release = "kubernetes:helm.sh/v3:Release"
    assert "no-plain-secret" in violations(release, {"values": {key: "hunter22"}})
    assert "no-plain-secret" in violations(release, {"values": {"env": [{"name": key, "value": "hunter22"}]}})
    assert "no-plain-secret" not in violations(release, {"values": {key: "[secret]"}})


@pytest.mark.parametrize("key", ["existingSecret", "secretName", "httpTokens", "passwordFile", "tokens"])
def test_a_reference_to_a_secret_is_no_violation(key: str) -> None:
    assert "no-plain-secret" not in violations(
        "kubernetes:helm.sh/v3:Release", {"values": {key: "my-object"}}
    )


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:hunter22@db.example.com/x",
        base64.b64encode(f"x{KEY}".encode()).decode(),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        '{"auths": {"r": {"auth": "dXNlcjpodW50ZXIyMg=="}}}',
    ],
)
def test_a_text_with_the_form_of_a_secret_is_a_violation(text: str) -> None:
    assert "no-plain-secret" in violations("kubernetes:core/v1:ConfigMap", {"data": {"x": text}})


def test_a_bucket_policy_that_allows_anonymous_access_is_a_violation() -> None:
    type_ = "aws:s3/bucketPolicy:BucketPolicy"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    assert "no-public-store" in violations(type_, {"policy": json.dumps({"Statement": statement})})
    deny = {**statement, "Effect": "Deny"}
    limited = {**statement, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    assert "no-public-store" not in violations(type_, {"policy": json.dumps({"Statement": [deny, limited]})})


def test_public_addresses_in_groups_and_subnets_are_violations() -> None:
    address = {"ipConfigurations": [{"publicIPAddressConfiguration": {"name": "x"}}]}
    profile = {"networkProfile": {"networkInterfaceConfigurations": [address]}}
    scale_set = {"virtualMachineProfile": profile, "tags": TAGS}
    assert "no-public-machine" in violations("azure-native:compute:VirtualMachineScaleSet", scale_set)
    subnet = {"mapPublicIpOnLaunch": True, "tags": TAGS}
    assert "no-public-machine" in violations("aws:ec2/subnet:Subnet", subnet)
