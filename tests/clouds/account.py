"""Mocks of the AWS plugin, which create some of the program's resources in an emulated AWS account."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

from pulumi.runtime import mocks

from lab.cloud.aws.metadata import ACCOUNT
from tests.clouds.amazon import REGION, EmulatedAws, MachineLaunch
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Json, without_secret_marks

ZONES = tuple(f"{REGION}{letter}" for letter in "abc")
FIRST_WORKER = 100
"""The number of the first worker's address in its subnet."""


class AwsPluginMocks(CertificatePluginMocks):
    """Mocks of the AWS plugin, which create stores, roles and volumes in the emulated account.

    A resource of any other type only receives an id.
    """

    def __init__(self, amazon: EmulatedAws) -> None:
        super().__init__()
        self._amazon = amazon
        self._interfaces: dict[str, str] = {}
        self._profiles: dict[str, str] = {}
        self._subnets: dict[str, tuple[IPv4Network, str]] = {}
        self._numbers = itertools.count(FIRST_WORKER)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Create a resource of the program and return its id and state."""
        if not args.typ.startswith("aws:"):
            return super().new_resource(args)
        inputs = without_secret_marks(args.inputs)
        kind = args.typ.rpartition(":")[2]
        identity = inputs.get("name") or f"{args.name}-id"
        state: Json = {"name": args.name, **args.inputs, "arn": self._arn(kind, identity), "tagsAll": {}}
        create = getattr(self, f"_{kind}", None)
        outputs = create(args.name, inputs) if create is not None else {}
        return str(outputs.pop("id", f"{args.name}-id")), {**state, **outputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        """Return the result of a provider function that the program calls, such as `aws.ec2.get_ami`."""
        results: dict[str, Json] = {
            "getCallerIdentity": {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/test"},
            "getAvailabilityZones": {"names": list(ZONES), "zoneIds": ["euc1-az1", "euc1-az2", "euc1-az3"]},
            "getAmi": {"id": "ami-12c6146b", "rootDeviceName": "/dev/xvda", "architecture": "x86_64"},
            "getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
            "getRegion": {"name": REGION, "region": REGION},
        }
        name = args.token.rpartition(":")[2]
        if name not in results:
            raise AssertionError(f"the program calls an unknown function of AWS: {args.token}")
        return {**args.args, **results[name]}, []

    def launches(self, graph: Graph, sizes: Mapping[str, int]) -> list[MachineLaunch]:
        """Return the machines to launch: one for each member, and the machines of each pool's Auto Scaling
        group.

        `sizes` has the number of machines by name of the group.
        """
        templates = {
            f"{node.name}-id": without_secret_marks(node.inputs) for node in graph.of_type(":LaunchTemplate")
        }
        hooks = {
            str(hook["autoscalingGroupName"]): str(hook["name"])
            for hook in (without_secret_marks(node.inputs) for node in graph.of_type(":LifecycleHook"))
            if hook["lifecycleTransition"].endswith("LAUNCHING")
        }
        launches: list[MachineLaunch] = []
        for node in graph.of_type("autoscaling/group:Group"):
            group = without_secret_marks(node.inputs)
            template = templates[_template_id(group)]
            for number in range(sizes.get(group["name"], 1)):
                launch = self._launch(group, template, number)
                launches.append(replace(launch, hook=hooks.get(group["name"], "")))
        return launches

    def _launch(self, group: Mapping[str, Any], template: Mapping[str, Any], number: int) -> MachineLaunch:
        interfaces = template.get("networkInterfaces") or []
        if interfaces:
            address, zone = (
                self._interfaces[interfaces[0]["networkInterfaceId"]],
                group["availabilityZones"][0],
            )
        else:
            zones = group["vpcZoneIdentifiers"]
            subnet, zone = self._subnets[zones[number % len(zones)]]
            address = str(subnet[next(self._numbers)])
        tags = next(
            item["tags"] for item in template["tagSpecifications"] if item["resourceType"] == "instance"
        )
        return MachineLaunch(
            host=f"{group['name'].removeprefix('kwaws-')}" + ("" if interfaces else f"-{number + 1}"),
            address=address,
            user_data=base64.b64decode(template["userData"]).decode(),
            role=self._profiles[template["iamInstanceProfile"]["arn"]],
            zone=zone,
            group=group["name"],
            tags=tags,
            group_tags={tag["key"]: tag["value"] for tag in group["tags"]},
        )

    @staticmethod
    def _arn(kind: str, identity: str) -> str:
        service = {"Role": "iam", "InstanceProfile": "iam", "Policy": "iam", "Bucket": "s3", "Key": "kms"}
        service_and_region = (
            f"{service.get(kind, 'ec2')}:{'' if kind in ('Role', 'InstanceProfile', 'Policy') else REGION}"
        )
        return f"arn:aws:{service_and_region}:{ACCOUNT}:{kind.lower()}/{identity}"

    # Methods for the types of resources that exist in the emulator

    def _Bucket(self, _: str, inputs: Mapping[str, Any]) -> Json:
        location = {"LocationConstraint": REGION}
        self._amazon.client("s3").create_bucket(Bucket=inputs["bucket"], CreateBucketConfiguration=location)
        return {"id": inputs["bucket"], "arn": f"arn:aws:s3:::{inputs['bucket']}"}

    def _BucketServerSideEncryptionConfiguration(self, _: str, inputs: Mapping[str, Any]) -> Json:
        rule = inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        default = {"SSEAlgorithm": rule["sseAlgorithm"], "KMSMasterKeyID": rule["kmsMasterKeyId"]}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        self._amazon.client("s3").put_bucket_encryption(
            Bucket=inputs["bucket"], ServerSideEncryptionConfiguration=rules
        )
        return {}

    def _BucketObjectv2(self, _: str, inputs: Mapping[str, Any]) -> Json:
        content = inputs["content"].encode()
        self._amazon.client("s3").put_object(Bucket=inputs["bucket"], Key=inputs["key"], Body=content)
        return {"id": inputs["key"]}

    def _Role(self, name: str, inputs: Mapping[str, Any]) -> Json:
        role = inputs.get("name", name)
        self._amazon.client("iam").create_role(
            RoleName=role, AssumeRolePolicyDocument=inputs["assumeRolePolicy"]
        )
        return {"id": role, "name": role}

    def _RolePolicy(self, name: str, inputs: Mapping[str, Any]) -> Json:
        self._amazon.client("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs.get("name", name), PolicyDocument=inputs["policy"]
        )
        return {}

    def _Policy(self, name: str, inputs: Mapping[str, Any]) -> Json:
        response = self._amazon.client("iam").create_policy(
            PolicyName=inputs.get("name", name), PolicyDocument=inputs["policy"]
        )
        return {"arn": response["Policy"]["Arn"]}

    def _RolePolicyAttachment(self, _: str, inputs: Mapping[str, Any]) -> Json:
        iam = self._amazon.client("iam")
        iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return {}

    def _InstanceProfile(self, name: str, inputs: Mapping[str, Any]) -> Json:
        arn = self._arn("InstanceProfile", inputs.get("name", name))
        self._profiles[arn] = inputs["role"]
        return {"arn": arn}

    def _Volume(self, _: str, inputs: Mapping[str, Any]) -> Json:
        tags = [{"Key": key, "Value": value} for key, value in inputs["tags"].items()]
        response = self._amazon.client("ec2").create_volume(
            AvailabilityZone=inputs["availabilityZone"],
            Size=int(inputs["size"]),
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
        )
        return {"id": response["VolumeId"]}

    def _NetworkInterface(self, name: str, inputs: Mapping[str, Any]) -> Json:
        self._interfaces[f"{name}-id"] = inputs["privateIps"][0]
        return {}

    def _Subnet(self, name: str, inputs: Mapping[str, Any]) -> Json:
        self._subnets[f"{name}-id"] = IPv4Network(inputs["cidrBlock"]), inputs["availabilityZone"]
        return {}

    def _Eip(self, *_: object) -> Json:
        return {"publicIp": "198.51.100.1"}

    def _Key(self, name: str, _: Mapping[str, Any]) -> Json:
        return {"keyId": name}

    def _LoadBalancer(self, name: str, _: Mapping[str, Any]) -> Json:
        return {"dnsName": f"{name}.elb.{REGION}.amazonaws.com", "zoneId": "Z1"}

    def _LaunchTemplate(self, _: str, inputs: Mapping[str, Any]) -> Json:
        assert len(base64.b64decode(inputs["userData"])) <= 16 * 1024
        return {"latestVersion": 1}


def _template_id(group: Mapping[str, Any]) -> str:
    if "launchTemplate" in group:
        return str(group["launchTemplate"]["id"])
    policy = group["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"]
    return str(policy["launchTemplateId"])
