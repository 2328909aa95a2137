"""Runs of the Pulumi program with mocks of the AWS plugin, for the example stack or edited copies."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

from pulumi.runtime import mocks

from assembly import build_topology
from settings import Settings
from settings.aws import AwsSettings
from tests.unit.components.graph import Graph, Json, Node, PluginMocks
from tests.unit.providers.program import ConfigEdit, ExampleStack, section
from topology.model import Topology

ACCOUNT = "123456789012"
ISSUER_BUCKET = "example-issuer"
POD_ROLES: Json = {
    "reader": {
        "service_accounts": ["web/reader", "jobs/reader"],
        "allow": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::example/reader/*"]}],
    },
    "auditor": {
        "service_accounts": ["audit/default"],
        "policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    },
}


class AwsPlugins(PluginMocks):
    """Mocks of the AWS plugin. They return only the outputs that the program reads."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        identity, state = super().new_resource(args)
        if args.typ.startswith("aws:"):
            state |= {"arn": f"arn:aws:mock:eu-central-1:{ACCOUNT}:{args.name}"}
            state |= {"latestVersion": 7, "publicIp": "198.51.100.7", "keyId": f"{args.name}-key"}
            state |= {"dnsName": f"{args.name}.example", "zoneId": f"{args.name}-zone"}
        return identity, state

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        if args.token == "aws:ec2/getAmi:getAmi":
            return {"id": _image_id(args.args), "rootDeviceName": "/dev/xvda"}, []
        known: dict[str, Json] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["x-1a", "x-1b", "x-1c"]},
        }
        return known[args.token], []


def _image_id(arguments: Mapping[str, Any]) -> str:
    """Return the id of the image that a lookup with these arguments finds."""
    (architecture,) = (item["values"] for item in arguments["filters"] if item["name"] == "architecture")
    return {"x86_64": "ami-found", "arm64": "ami-arm64"}[architecture[0]]


EXAMPLE = ExampleStack("aws-example", AwsPlugins)
run_program, graph, example_config = EXAMPLE.run_program, EXAMPLE.graph, EXAMPLE.config


def example_settings(edit: ConfigEdit | None = None) -> tuple[Settings, AwsSettings, Topology]:
    """Return settings, AWS settings and topology of the example stack, edited by `edit`."""
    settings = EXAMPLE.settings(edit)
    assert settings.aws is not None
    return settings, settings.aws, build_topology(settings)


def aws_resources(resources: Graph) -> list[Node]:
    """Return the resources of the AWS plugin."""
    return [node for node in resources.nodes.values() if node.type.startswith("aws:")]


def user_data(template: Node) -> str:
    """Return the decoded user data of a launch template."""
    return base64.b64decode(template.text("userData")).decode()


def with_dedicated_etcd(cluster: Json) -> None:
    cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "t3.large"}}


def with_all_features(cluster: Json) -> None:
    with_dedicated_etcd(cluster)
    section(cluster, "aws", "network")["nat"] = "per-zone"
    section(cluster, "aws", "addons")["load_balancers"] = True
    section(cluster, "aws", "endpoint").update({"public": True, "zone": "Z0123456789"})


def with_pod_roles(cluster: Json) -> None:
    section(cluster, "aws")["pod_identities"] = {"issuer_bucket": ISSUER_BUCKET, "roles": POD_ROLES}


def inputs_of(resources: Graph, name: str) -> dict[str, Any]:
    """Return the inputs of a resource."""
    return cast(dict[str, Any], resources.node(name).inputs)


def launch_templates(resources: Graph) -> list[Node]:
    return resources.of_type(":LaunchTemplate")
