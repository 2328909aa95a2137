"""Previews of cloud stacks with stand-in plugins and the real engine."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from automation.engine.output_filter import filter_lines
from lab.plugins.generic.packages import PACKAGES
from testkit.program import PROJECT, STACK, Program, create_stack

SCRIPT = "#!/bin/sh\n" + "".join(f"echo step {number}\n" for number in range(40))
BUNDLE = "set -e\nmax_pods=110\nport=10250\n"
PROGRAM = """
import base64

import pulumi
import pulumi_aws as aws

provider = aws.Provider("aws", region="eu-central-1")
options = pulumi.ResourceOptions(provider=provider)
vpc = aws.ec2.Vpc("net", cidr_block="{range}", opts=options)
bucket = aws.s3.Bucket("store", opts=options)
aws.s3.BucketObjectv2("bundle", bucket=bucket.bucket, key="a", content={content!r}, opts=options)
image = aws.ec2.get_ami_output(owners=["136693071363"], opts=pulumi.InvokeOptions(provider=provider))
template = aws.ec2.LaunchTemplate(
    "machine", name="machine", image_id=image.id, user_data=base64.b64encode({script!r}.encode()).decode(),
    opts=options,
)
aws.autoscaling.Group(
    "group", name="group", min_size=1, max_size=1, vpc_zone_identifiers=["subnet-1"],
    launch_template={{"id": template.id, "version": template.latest_version.apply(str)}}, opts=options,
)
"""
PROGRAM_OUTPUTS = """
pulumi.export("network", vpc.arn)
pulumi.export("region", vpc.region)
"""
AZURE_PROGRAM = """
import pulumi
from pulumi_azure_native import Provider, authorization, network, resources

provider = Provider("azure", location="westeurope", subscription_id="1234")
options = pulumi.ResourceOptions(provider=provider)
group = resources.ResourceGroup("group", resource_group_name="kw", opts=options)
net = network.VirtualNetwork(
    "net", resource_group_name=group.name, address_space={"address_prefixes": ["10.0.0.0/16"]}, opts=options
)
client = authorization.get_client_config_output(opts=pulumi.InvokeOptions(provider=provider))
pulumi.export("subscription", client.subscription_id)
pulumi.export("net", net.id)
"""
_PREFIX = f"urn:pulumi:{STACK}::{PROJECT}::"
_ROOT = f"{_PREFIX}pulumi:pulumi:Stack::{PROJECT}-{STACK}"
_PROVIDER = f"{_PREFIX}pulumi:providers:aws::aws"
_PROVIDER_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def stack(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return an empty Pulumi stack with the stand-in plugins of the clouds."""
    # Set HOME, so that the user's cloud credentials do not affect the test.
    home = tmp_path_factory.getbasetemp() / "pulumi-home-clouds"
    return create_stack(
        tmp_path, home, list(PACKAGES), variables={"HOME": str(tmp_path), "AWS_PROFILE": "nobody"}
    )


def program(*, content: str = BUNDLE, script: str = SCRIPT, network: str = "10.0.0.0/16") -> str:
    """Return the text of an AWS program with the content of an object, user data and an address range."""
    return PROGRAM.format(content=content, script=script, range=network)


def official_plugin_state() -> dict[str, Any]:
    """Return a stack export as the official plugin writes it, with `__defaults` and with outputs that are not
    inputs.
    """
    resources = _stack_and_provider()

    def add(token: str, name: str, identity: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        resource = {"urn": f"{_PREFIX}{token}::{name}", "custom": True, "type": token, "id": identity}
        links = {"parent": _ROOT, "provider": f"{_PROVIDER}::{_PROVIDER_ID}"}
        given = {key: value for key, value in inputs.items() if key != "__defaults"}
        resources.append(resource | links | {"inputs": inputs, "outputs": given | {"id": identity} | outputs})

    vpc = _with_defaults({"cidrBlock": "10.0.0.0/16"}, instanceTenancy="default")
    add("aws:ec2/vpc:Vpc", "net", "vpc-1", vpc, {"arn": "arn:vpc"})
    bucket = _with_defaults({}, bucket="store-0a1b2c3", forceDestroy=False)
    add("aws:s3/bucket:Bucket", "store", "store-0a1b2c3", bucket, {"arn": "arn:store"})
    bundle = {"bucket": "store-0a1b2c3", "key": "a", "content": BUNDLE}
    add("aws:s3/bucketObjectv2:BucketObjectv2", "bundle", "a", _with_defaults(bundle), {"versionId": "v1"})
    template = {
        "name": "machine",
        "imageId": "ami-unknown-in-this-preview",
        "userData": base64.b64encode(SCRIPT.encode()).decode(),
    }
    add(
        "aws:ec2/launchTemplate:LaunchTemplate",
        "machine",
        "lt-1",
        _with_defaults(template),
        {"latestVersion": 7},
    )
    group = {
        "name": "group",
        "minSize": 1,
        "maxSize": 1,
        "vpcZoneIdentifiers": ["subnet-1"],
        "launchTemplate": _with_defaults({"id": "lt-1", "version": "7"}),
    }
    add(
        "aws:autoscaling/group:Group", "group", "group", _with_defaults(group, healthCheckGracePeriod=300), {}
    )
    return {
        "version": 3,
        "deployment": {"manifest": {"time": "2026-01-01T00:00:00Z"}, "resources": resources},
    }


def _stack_and_provider() -> list[dict[str, Any]]:
    settings = {
        "region": "eu-central-1",
        "skipCredentialsValidation": "false",
        "skipRegionValidation": "true",
        "version": PACKAGES["aws"].version,
    }
    return [
        {"urn": _ROOT, "custom": False, "type": "pulumi:pulumi:Stack"},
        {
            "urn": _PROVIDER,
            "custom": True,
            "type": "pulumi:providers:aws",
            "id": _PROVIDER_ID,
            "inputs": settings,
            "outputs": settings,
            "parent": _ROOT,
        },
    ]


def _with_defaults(given: dict[str, Any], **filled_in: object) -> dict[str, Any]:
    return {**given, **filled_in, "__defaults": sorted(filled_in)}


def changed_lines(preview: str) -> list[str]:
    """Return the lines of a preview that show changed properties, after the line filter of the driver."""
    lines = [line.strip() for line in filter_lines(preview.splitlines(keepends=True))]
    return [line for line in lines if line[:2] in ("+ ", "- ", "~ ") and not line.startswith("~ aws:")]


def test_first_preview_shows_inputs_and_unknown_outputs(stack: Program) -> None:
    stack.program(program() + PROGRAM_OUTPUTS)
    output = stack.run("preview", "--diff")
    assert "7 to create" in output
    assert 'cidrBlock : "10.0.0.0/16"' in output
    assert 'imageId   : "ami-unknown-in-this-preview"' in output
    assert "network: [unknown]" in output
    assert 'region : "eu-central-1"' in output


def test_first_azure_preview_shows_inputs_and_unknown_outputs(stack: Program) -> None:
    stack.program(AZURE_PROGRAM)
    output = stack.run("preview", "--diff")
    assert "4 to create" in output
    assert 'subscription: "1234"' in output
    assert "net         : [unknown]" in output
    locations = re.findall(r'location +: "westeurope"', output)
    assert len(locations) == 3, "the provider's, and both resources' by default"


def test_state_of_the_official_plugin_has_only_real_changes(stack: Program) -> None:
    (stack.directory / "state.json").write_text(json.dumps(official_plugin_state()))
    stack.run("stack", "import", "--file", "state.json")
    stack.program(program())
    stack.assert_unchanged()

    script = SCRIPT.replace("step 20\n", "step twenty\n")
    content = BUNDLE.replace("110", "250")
    stack.program(program(content=content, script=script, network="10.1.0.0/16"))
    output = stack.run("preview", "--diff")
    assert sorted(changed_lines(output)) == sorted(
        [
            *("~ content:", "- max_pods=110", "+ max_pods=250"),
            *("~ userData: (base64)", "- echo step 20", "+ echo step twenty"),
            *("~ launchTemplate: {", '~ version: "7" => [unknown]'),
            '~ cidrBlock: "10.0.0.0/16" => "10.1.0.0/16"',
            "~ 3 to update",
        ]
    ), output
    assert "+-1 to replace" in output

    for command in ("up", "destroy"):
        output = stack.run(command, "--yes", "--skip-preview", fails=True)
        assert "the stand-in for the plugin aws" in output
    assert len(json.loads(stack.run("stack", "export"))["deployment"]["resources"]) == 7


def test_functions_outside_a_preview_are_refused(stack: Program) -> None:
    stack.program(AZURE_PROGRAM)
    output = stack.up(fails=True)
    assert (
        "azure-native:authorization:getClientConfig cannot be answered: the stand-in for the plugin" in output
    )
