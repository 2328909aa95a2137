"""Tests of the stand-in for cloud plugins: previews work, and other operations are refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from lab.plugins.generic import sdk
from lab.plugins.generic.packages import PACKAGES, Package
from lab.plugins.generic.provider import GenericProvider
from lab.plugins.runtime.diff import Change
from lab.plugins.runtime.errors import CheckError, PluginError
from lab.plugins.runtime.values import Properties, Secret, is_unknown
from tests.unit.lab.plugins.command.plugin import run

VPC = "aws:ec2/vpc:Vpc"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
BUCKET = "aws:s3/bucket:Bucket"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
SEED = b"seed"


def urn(token: str, name: str = "thing") -> str:
    """Return the URN of a resource below a component."""
    return f"urn:pulumi:dev::kubewright::kubewright:index:Cluster${token}::{name}"


def create_provider(package: str = "aws", **settings: object) -> GenericProvider:
    """Create and configure the stand-in provider of a package."""
    configured = GenericProvider(PACKAGES[package])
    run(configured.configure(settings))
    return configured


AWS = create_provider(region="eu-central-1")
AZURE = create_provider("azure-native", location="westeurope", subscriptionId="s")


def check(
    token: str,
    new: Mapping[str, Any],
    old: Mapping[str, Any] | None = None,
    *,
    provider: GenericProvider | None = None,
) -> dict[str, Any]:
    """Return the checked inputs with the defaults of the official plugin.

    By default, the package of the type token selects the provider.
    """
    provider = provider or (AWS if token.startswith("aws:") else AZURE)
    return run(provider.check(urn(token), dict(old or {}), dict(new), SEED))


def create(token: str, inputs: Mapping[str, Any], *, preview: bool = True) -> Properties:
    """Create a resource and return its state."""
    provider = AWS if token.startswith("aws:") else AZURE
    return run(provider.create(urn(token), dict(inputs), preview=preview, timeout=0))[1]


def diff(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Change]:
    """Return the changes between old and new inputs, by path."""
    provider = AWS if token.startswith("aws:") else AZURE
    result = run(provider.diff(urn(token), {}, dict(old), dict(new), []))
    assert result.of_inputs
    return result.changes


def test_resource_type_from_the_sdk() -> None:
    vpc = sdk.resource_type("pulumi_aws", VPC)
    assert vpc is not None
    assert {"cidrBlock", "enableDnsHostnames", "tags"} <= vpc.inputs
    assert {"arn", "mainRouteTableId", "tagsAll"} <= vpc.computed
    assert not vpc.computed & vpc.inputs
    subnet = sdk.resource_type("pulumi_azure_native", SUBNET)
    assert subnet is not None
    assert {"resourceGroupName", "subnetName", "virtualNetworkName"} <= subnet.path_inputs
    assert {"resourceGroupName", "virtualNetworkName"} == subnet.required
    assert sdk.resource_type("pulumi_aws", "aws:ec2/nonesuch:Nonesuch") is None


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_tables_match_the_pinned_sdk(package: Package) -> None:
    for token, names in package.replaces.items():
        kind = sdk.resource_type(package.module, token)
        assert kind is not None, token
        assert set(names) <= kind.inputs, token
    for token, names in package.renewed.items():
        kind = sdk.resource_type(package.module, token)
        assert kind is not None, token
        assert set(names) <= kind.computed, token
    for token in (*package.names, *package.max_name_lengths):
        assert sdk.resource_type(package.module, token) is not None, token


def test_preview_of_a_new_resource_has_unknown_outputs_and_known_inputs() -> None:
    state = create(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "x"}})
    assert all(is_unknown(state[name]) for name in ("arn", "mainRouteTableId", "defaultSecurityGroupId"))
    assert state["cidrBlock"] == "10.0.0.0/16"
    assert state["region"] == "eu-central-1"
    assert state["tagsAll"] == {"Name": "x"}
    assert "id" not in state
    network = create(NETWORK, {"resourceGroupName": "g", "location": "westeurope"})
    assert is_unknown(network["name"])
    assert is_unknown(network["etag"])


def test_output_with_another_form_than_the_input_is_unknown() -> None:
    identity = {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/identity"]}
    inputs = {"resourceGroupName": "g", "vmName": "cp-1", "identity": identity, "zones": ["1"]}
    state = create("azure-native:compute:VirtualMachine", inputs)
    assert is_unknown(state["identity"]["userAssignedIdentities"])
    assert state["identity"]["type"] == "UserAssigned"
    assert state["zones"] == ["1"]


def test_generated_name_starts_with_the_resource_name_and_is_stable() -> None:
    first = check(BUCKET, {})
    assert first["bucket"].startswith("thing-")
    assert len(first["bucket"]) == len("thing-") + 7
    assert first["__defaults"] == ["bucket"]
    second = check(BUCKET, {}, {"bucket": "thing-0a1b2c3", "__defaults": ["bucket"]})
    assert second["bucket"] == "thing-0a1b2c3"
    # A name that the program set earlier was not generated.
    assert check(BUCKET, {}, {"bucket": "mine", "__defaults": []})["bucket"] == first["bucket"]
    assert check(BUCKET, {"bucket": "mine"})["__defaults"] == []
    assert "name" not in check(GROUP, {"namePrefix": "p", "maxSize": 1, "minSize": 1})
    assert check("aws:kms/alias:Alias", {"targetKeyId": "k"})["name"].startswith("alias/thing-")
    assert "name" not in check(VPC, {"cidrBlock": "10.0.0.0/16"})


def test_generated_name_respects_the_limit_of_aws() -> None:
    inputs = run(AWS.check(urn("aws:lb/loadBalancer:LoadBalancer", "n" * 90), {}, {}, SEED))
    assert len(inputs["name"]) == 32


def test_azure_defaults_the_last_part_of_the_path_and_the_location() -> None:
    inputs = check(NETWORK, {"resourceGroupName": "g"})
    assert inputs["virtualNetworkName"].startswith("thing")
    assert len(inputs["virtualNetworkName"]) == len("thing") + 8
    assert inputs["location"] == "westeurope"
    assert check(NETWORK, {"resourceGroupName": "g", "location": "northeurope"})["location"] == "northeurope"
    assert "__defaults" not in inputs


def test_own_tags_override_default_tags() -> None:
    tagged = create_provider(region="eu-central-1", defaultTags='{"tags": {"owner": "us", "Name": "none"}}')
    assert check(VPC, {"tags": {"Name": "x"}}, provider=tagged)["tags"] == {"owner": "us", "Name": "x"}
    assert "tags" not in check(
        "aws:ec2/route:Route", {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0"}, provider=tagged
    )


def test_change_that_forces_a_new_resource_is_a_replacement() -> None:
    old = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": False, "__defaults": []}
    new = {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "__defaults": []}
    assert diff(VPC, old, new) == {
        "cidrBlock": Change("update", True),
        "enableDnsHostnames": Change("update", False),
    }
    path = {"resourceGroupName": "g", "virtualNetworkName": "v", "location": "westeurope"}
    assert diff(NETWORK, path, path | {"virtualNetworkName": "w", "tags": {"a": "b"}}) == {
        "virtualNetworkName": Change("update", True),
        "tags": Change("add", False),
    }


def test_defaults_of_the_official_plugin_are_no_difference() -> None:
    old = {
        "__defaults": ["forceDelete", "healthCheckGracePeriod"],
        "name": "g",
        "forceDelete": False,
        "healthCheckGracePeriod": 300,
        "launchTemplate": {"__defaults": ["name"], "id": "lt-1", "name": "template"},
        "tags": [{"__defaults": [], "key": "a", "value": "b", "propagateAtLaunch": True}],
    }
    new: dict[str, Any] = {
        "__defaults": [],
        "name": "g",
        "launchTemplate": {"id": "lt-1"},
        "tags": [{"key": "a", "value": "b", "propagateAtLaunch": True}],
    }
    assert diff(GROUP, old, new) == {}
    assert diff(GROUP, old, new | {"healthCheckGracePeriod": 60}) == {
        "healthCheckGracePeriod": Change("update", False)
    }
    assert diff(GROUP, old, new | {"launchTemplate": {"id": "lt-2"}}) == {
        "launchTemplate.id": Change("update", False)
    }


def test_update_renews_dependent_outputs() -> None:
    old = {"name": "template", "userData": "old", "latestVersion": 4, "arn": "arn:lt", "ebsOptimized": "true"}
    news = {"name": "template", "userData": "new", "__defaults": []}
    state = run(AWS.update(urn(TEMPLATE), old, {}, news, preview=True, timeout=0))
    assert is_unknown(state["latestVersion"])
    assert state["arn"] == "arn:lt"
    assert state["userData"] == "new"
    assert "ebsOptimized" not in state
    assert "__defaults" not in state


def test_secrets_stay_secret() -> None:
    inputs = check(TEMPLATE, {"name": "template", "userData": Secret("swordfish")})
    assert isinstance(inputs["userData"], Secret)
    assert isinstance(create(TEMPLATE, inputs)["userData"], Secret)
    assert list(diff(TEMPLATE, {"name": "template", "userData": "x"}, inputs)) == ["userData"]


def test_another_region_replaces_the_provider() -> None:
    assert run(AWS.diff_config({"region": "a"}, {"region": "b"})).replaces == ["region"]
    assert run(AZURE.diff_config({"location": "a"}, {"location": "b"})).replaces == []


def test_operation_outside_a_preview_is_refused_with_the_remedy() -> None:
    state = {"cidrBlock": "10.0.0.0/16"}
    net = urn(VPC, "net")
    operations: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "created": lambda: AWS.create(net, state, preview=False, timeout=0),
        "updated": lambda: AWS.update(net, state, state, state, preview=False, timeout=0),
        "deleted": lambda: AWS.delete(net, "i", state, timeout=0),
        "read": lambda: AWS.read(net, "i", state, state),
    }
    for verb, operation in operations.items():
        with pytest.raises(PluginError) as caught:
            run(operation())
        text = str(caught.value)
        assert text.startswith(f"{VPC} net cannot be {verb}: ")
        assert text.endswith("only previews; use the official plugin (commands without --offline install it)")
        assert "\n" not in text
    with pytest.raises(PluginError, match="getAmi cannot be answered"):
        run(AWS.invoke("aws:ec2/getAmi:getAmi", {}, preview=False))


def test_functions_return_assumed_results_or_fail() -> None:
    def invoke(function: str, provider: GenericProvider = AWS, **arguments: object) -> dict[str, Any]:
        return run(provider.invoke(function, arguments, preview=True))

    ubuntu = invoke(
        "aws:ec2/getAmi:getAmi", owners=["099720109477"], filters=[{"name": "name", "values": ["ubuntu-*"]}]
    )
    assert ubuntu["id"] == "ami-unknown-in-this-preview"
    assert (ubuntu["name"], ubuntu["rootDeviceName"]) == ("ubuntu-*", "/dev/sda1")
    by_id = invoke("aws:ec2/getAmi:getAmi", filters=[{"name": "image-id", "values": ["ami-12"]}])
    assert (by_id["id"], by_id["rootDeviceName"]) == ("ami-12", "/dev/xvda")
    zones = invoke("aws:index/getAvailabilityZones:getAvailabilityZones")["names"]
    assert zones == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert invoke("aws:index/getPartition:getPartition")["partition"] == "aws"
    china = create_provider(region="cn-north-1")
    assert invoke("aws:index/getPartition:getPartition", china)["dnsSuffix"] == "amazonaws.com.cn"
    account = create_provider(region="eu-central-1", allowedAccountIds='["123456789012"]')
    assert invoke("aws:index/getCallerIdentity:getCallerIdentity", account)["accountId"] == "123456789012"
    assert invoke("azure-native:authorization:getClientConfig", AZURE)["subscriptionId"] == "s"
    with pytest.raises(PluginError, match=r"getVpc cannot be answered: .* answers only aws:ec2/getAmi"):
        invoke("aws:ec2/getVpc:getVpc")
    with pytest.raises(PluginError, match=r"no region: set aws\.region"):
        invoke("aws:index/getRegion:getRegion", create_provider())


def test_unknown_resource_type_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"pulumi-aws .* has no resource aws:ec2/nonesuch:Nonesuch"):
        check("aws:ec2/nonesuch:Nonesuch", {})


def test_texts_that_aws_refuses_are_refused() -> None:
    group = "aws:ec2/securityGroup:SecurityGroup"
    rules = [{"protocol": "tcp", "description": "webhooks of a cloud's controllers"}]
    with pytest.raises(CheckError, match=r"ingress\[\]\.description: AWS refuses .*cloud's controllers"):
        check(group, {"ingress": rules})
    assert check(group, {"ingress": [{"protocol": "tcp", "description": "Kubernetes API"}]})["ingress"]
