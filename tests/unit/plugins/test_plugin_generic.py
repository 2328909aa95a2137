"""The stand-in for the clouds' plugins: what previews show, and that nothing else is answered."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue as Value
from pulumi.provider.experimental.provider import PropertyDiffKind

from lab.plugins.common.errors import ProviderError
from lab.plugins.common.values import Properties, is_unknown, plain, plain_map, wrap
from lab.plugins.generic import sdk
from lab.plugins.generic.packages import PACKAGES, Package
from lab.plugins.generic.provider import GenericProvider
from tests.unit.plugins.driving import run

VPC = "aws:ec2/vpc:Vpc"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
BUCKET = "aws:s3/bucket:Bucket"
NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
SEED = b"seed"


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:dev::kubewright::kubewright:index:Cluster${token}::{name}"


def props(values: Mapping[str, Any]) -> Properties:
    return {key: wrap(value) for key, value in values.items()}


def provider(package: str = "aws", **settings: object) -> GenericProvider:
    made = GenericProvider(PACKAGES[package])
    run(made.configure(api.ConfigureRequest({}, props(settings), True, True)))
    return made


AWS = provider(region="eu-central-1")
AZURE = provider("azure-native", location="westeurope", subscriptionId="s")


def check(
    token: str,
    new: Mapping[str, Any],
    old: Mapping[str, Any] | None = None,
    *,
    by: GenericProvider | None = None,
) -> dict[str, Any]:
    by = by or (AWS if token.startswith("aws:") else AZURE)
    found = run(by.check(api.CheckRequest(urn(token), props(old or {}), props(new), SEED)))
    assert not found.failures
    assert found.inputs is not None
    return plain_map(found.inputs)


def create(token: str, inputs: Mapping[str, Any], *, preview: bool = True) -> Properties:
    by = AWS if token.startswith("aws:") else AZURE
    return run(by.create(api.CreateRequest(urn(token), props(inputs), 0, preview))).properties or {}


def diff(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, PropertyDiffKind]:
    by = AWS if token.startswith("aws:") else AZURE
    found = by.compare(urn(token), props(old), props(new), [])
    assert found.changes == bool(found.detailed_diff)
    assert all(item.input_diff for item in found.detailed_diff.values())
    return {path: item.kind for path, item in found.detailed_diff.items()}


def test_the_sdk_says_what_a_type_has() -> None:
    vpc = sdk.resource_type("pulumi_aws", VPC)
    assert vpc is not None
    assert {"cidrBlock", "enableDnsHostnames", "tags"} <= vpc.inputs
    assert {"arn", "mainRouteTableId", "tagsAll"} <= vpc.computed
    assert not vpc.computed & vpc.inputs
    subnet = sdk.resource_type("pulumi_azure_native", SUBNET)
    assert subnet is not None
    assert {"resourceGroupName", "subnetName", "virtualNetworkName"} <= subnet.address
    assert {"resourceGroupName", "virtualNetworkName"} == subnet.required
    assert sdk.resource_type("pulumi_aws", "aws:ec2/nonesuch:Nonesuch") is None


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
def test_the_tables_name_only_what_the_pinned_sdk_has(package: Package) -> None:
    for token, names in package.replaces.items():
        kind = sdk.resource_type(package.module, token)
        assert kind is not None, token
        assert set(names) <= kind.inputs, token
    for token, names in package.renewed.items():
        kind = sdk.resource_type(package.module, token)
        assert kind is not None, token
        assert set(names) <= kind.computed, token
    for token in (*package.names, *package.longest):
        assert sdk.resource_type(package.module, token) is not None, token


def test_what_a_cloud_would_make_is_unknown_and_inputs_are_known() -> None:
    made = create(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "x"}})
    assert all(is_unknown(made[name]) for name in ("arn", "mainRouteTableId", "defaultSecurityGroupId"))
    assert plain(made["cidrBlock"]) == "10.0.0.0/16"
    assert plain(made["region"]) == "eu-central-1"
    assert plain(made["tagsAll"]) == {"Name": "x"}
    assert "id" not in made
    network = create(NETWORK, {"resourceGroupName": "g", "location": "westeurope"})
    assert is_unknown(network["name"])
    assert is_unknown(network["etag"])


def test_an_output_of_another_form_than_its_input_is_unknown() -> None:
    identity = {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/identity"]}
    inputs = {"resourceGroupName": "g", "vmName": "cp-1", "identity": identity, "zones": ["1"]}
    made = create("azure-native:compute:VirtualMachine", inputs)
    inside = made["identity"].value
    assert isinstance(inside, Mapping)
    assert is_unknown(inside["userAssignedIdentities"])
    assert plain(inside["type"]) == "UserAssigned"
    assert plain(made["zones"]) == ["1"]


def test_a_made_up_name_is_the_resources_own_and_stays() -> None:
    first = check(BUCKET, {})
    assert first["bucket"].startswith("thing-")
    assert len(first["bucket"]) == len("thing-") + 7
    assert first["__defaults"] == ["bucket"]
    kept = check(BUCKET, {}, {"bucket": "thing-0a1b2c3", "__defaults": ["bucket"]})
    assert kept["bucket"] == "thing-0a1b2c3"
    # A name that somebody gave and gives no more was not made up.
    assert check(BUCKET, {}, {"bucket": "mine", "__defaults": []})["bucket"] == first["bucket"]
    assert check(BUCKET, {"bucket": "mine"})["__defaults"] == []
    assert "name" not in check(GROUP, {"namePrefix": "p", "maxSize": 1, "minSize": 1})
    assert check("aws:kms/alias:Alias", {"targetKeyId": "k"})["name"].startswith("alias/thing-")
    assert "name" not in check(VPC, {"cidrBlock": "10.0.0.0/16"})


def test_a_made_up_name_is_no_longer_than_aws_allows() -> None:
    request = api.CheckRequest(urn("aws:lb/loadBalancer:LoadBalancer", "n" * 90), {}, {}, SEED)
    inputs = run(AWS.check(request)).inputs
    assert inputs is not None
    assert len(plain(inputs["name"])) == 32


def test_azure_makes_up_the_last_part_of_the_path_and_the_location() -> None:
    made = check(NETWORK, {"resourceGroupName": "g"})
    assert made["virtualNetworkName"].startswith("thing")
    assert len(made["virtualNetworkName"]) == len("thing") + 8
    assert made["location"] == "westeurope"
    assert check(NETWORK, {"resourceGroupName": "g", "location": "northeurope"})["location"] == "northeurope"
    assert "__defaults" not in made


def test_the_providers_default_tags_lie_below_the_resources_own() -> None:
    tagged = provider(region="eu-central-1", defaultTags='{"tags": {"owner": "us", "Name": "none"}}')
    assert check(VPC, {"tags": {"Name": "x"}}, by=tagged)["tags"] == {"owner": "us", "Name": "x"}
    assert "tags" not in check(
        "aws:ec2/route:Route", {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0"}, by=tagged
    )


def test_what_forces_a_new_resource_is_a_replacement() -> None:
    old = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": False, "__defaults": []}
    new = {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True, "__defaults": []}
    assert diff(VPC, old, new) == {
        "cidrBlock": PropertyDiffKind.UPDATE_REPLACE,
        "enableDnsHostnames": PropertyDiffKind.UPDATE,
    }
    path = {"resourceGroupName": "g", "virtualNetworkName": "v", "location": "westeurope"}
    assert diff(NETWORK, path, path | {"virtualNetworkName": "w", "tags": {"a": "b"}}) == {
        "virtualNetworkName": PropertyDiffKind.UPDATE_REPLACE,
        "tags": PropertyDiffKind.ADD,
    }


def test_what_the_official_plugin_filled_in_is_no_difference() -> None:
    old = {
        "__defaults": ["forceDelete", "healthCheckGracePeriod"],
        "name": "g",
        "forceDelete": False,
        "healthCheckGracePeriod": 300,
        "launchTemplate": {"__defaults": ["name"], "id": "lt-1", "name": "lt"},
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
        "healthCheckGracePeriod": PropertyDiffKind.UPDATE
    }
    assert diff(GROUP, old, new | {"launchTemplate": {"id": "lt-2"}}) == {
        "launchTemplate.id": PropertyDiffKind.UPDATE
    }


def test_an_update_renews_what_hangs_on_it() -> None:
    olds = props(
        {"name": "lt", "userData": "old", "latestVersion": 4, "arn": "arn:lt", "ebsOptimized": "true"}
    )
    news = props({"name": "lt", "userData": "new", "__defaults": []})
    request = api.UpdateRequest(urn(TEMPLATE), "lt-1", olds, news, 0, [], True)
    state = run(AWS.update(request)).properties or {}
    assert is_unknown(state["latestVersion"])
    assert plain(state["arn"]) == "arn:lt"
    assert plain(state["userData"]) == "new"
    assert "ebsOptimized" not in state
    assert "__defaults" not in state


def test_secrets_stay_secret_and_unknown_stays_unknown() -> None:
    inputs = {"name": Value("lt"), "userData": Value("swordfish", is_secret=True)}
    request = api.CheckRequest(urn(TEMPLATE), {}, inputs, SEED)
    checked = run(AWS.check(request)).inputs or {}
    assert checked["userData"].is_secret
    made = run(AWS.create(api.CreateRequest(urn(TEMPLATE), checked, 0, True))).properties or {}
    assert made["userData"].is_secret
    found = AWS.compare(urn(TEMPLATE), props({"name": "lt", "userData": "x"}), checked, [])
    assert list(found.detailed_diff) == ["userData"]


def test_another_region_is_another_provider() -> None:
    found = AWS.diff_settings(props({"region": "a"}), props({"region": "b"}))
    assert found.replaces == ["region"]
    assert AZURE.diff_settings(props({"location": "a"}), props({"location": "b"})).replaces == []


def test_outside_a_preview_everything_is_refused_in_one_line_that_says_what_to_do() -> None:
    state = props({"cidrBlock": "10.0.0.0/16"})
    where = urn(VPC, "net")
    refused: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "created": lambda: AWS.create(api.CreateRequest(where, state, 0, False)),
        "updated": lambda: AWS.update(api.UpdateRequest(where, "i", state, state, 0, [], False)),
        "deleted": lambda: AWS.delete(api.DeleteRequest(where, "i", state, 0)),
        "read": lambda: AWS.read(api.ReadRequest(where, "i", state, state)),
    }
    for verb, work in refused.items():
        with pytest.raises(ProviderError) as said:
            run(work())
        text = str(said.value)
        assert text.startswith(f"{VPC} net cannot be {verb}: ")
        assert text.endswith(f"pulumi plugin install resource aws {PACKAGES['aws'].version} --reinstall")
        assert "\n" not in text
    with pytest.raises(ProviderError, match="getAmi cannot be answered"):
        AWS.answer("aws:ec2/getAmi:getAmi", {}, preview=False)


def test_questions_are_answered_plausibly_or_not_at_all() -> None:
    def ask(function: str, by: GenericProvider = AWS, **arguments: object) -> dict[str, Any]:
        return plain_map(by.answer(function, props(arguments), preview=True))

    ubuntu = ask(
        "aws:ec2/getAmi:getAmi", owners=["099720109477"], filters=[{"name": "name", "values": ["ubuntu-*"]}]
    )
    assert ubuntu["id"] == "ami-unknown-in-this-preview"
    assert (ubuntu["name"], ubuntu["rootDeviceName"]) == ("ubuntu-*", "/dev/sda1")
    given = ask("aws:ec2/getAmi:getAmi", filters=[{"name": "image-id", "values": ["ami-12"]}])
    assert (given["id"], given["rootDeviceName"]) == ("ami-12", "/dev/xvda")
    zones = ask("aws:index/getAvailabilityZones:getAvailabilityZones")["names"]
    assert zones == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert ask("aws:index/getPartition:getPartition")["partition"] == "aws"
    china = provider(region="cn-north-1")
    assert ask("aws:index/getPartition:getPartition", china)["dnsSuffix"] == "amazonaws.com.cn"
    account = provider(region="eu-central-1", allowedAccountIds='["123456789012"]')
    assert ask("aws:index/getCallerIdentity:getCallerIdentity", account)["accountId"] == "123456789012"
    assert ask("azure-native:authorization:getClientConfig", AZURE)["subscriptionId"] == "s"
    with pytest.raises(ProviderError, match=r"getVpc cannot be answered: .* answers only aws:ec2/getAmi"):
        ask("aws:ec2/getVpc:getVpc")
    with pytest.raises(ProviderError, match=r"no region: set aws\.region"):
        ask("aws:index/getRegion:getRegion", provider())


def test_a_type_that_the_sdk_lacks_is_an_error() -> None:
    with pytest.raises(ProviderError, match=r"pulumi-aws .* has no resource aws:ec2/nonesuch:Nonesuch"):
        check("aws:ec2/nonesuch:Nonesuch", {})
