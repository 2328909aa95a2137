"""Resource types of machines: launch templates, network interfaces, volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import Ec2Kind, arn, without
from lab.plugins.aws.parameters import build_parameters
from lab.plugins.runtime.values import Properties

_TEMPLATE_RENAMES = {"vpcSecurityGroupIds": "SecurityGroupIds"}
_TEMPLATE_ONLY = ("name", "description", "updateDefaultVersion", "tags")


class LaunchTemplate(Ec2Kind):
    """A launch template. Each change of its data creates a version."""

    noun = "launch-template"
    listing = ("DescribeLaunchTemplates", "LaunchTemplateIds", "LaunchTemplates")
    in_place = (
        "tags",
        "description",
        "updateDefaultVersion",
        "imageId",
        "instanceType",
        "keyName",
        "userData",
        "iamInstanceProfile",
        "networkInterfaces",
        "vpcSecurityGroupIds",
        "blockDeviceMappings",
        "metadataOptions",
        "tagSpecifications",
    )

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the template with its first version."""
        response = account.call(
            "ec2",
            "CreateLaunchTemplate",
            LaunchTemplateName=inputs["name"],
            VersionDescription=inputs.get("description", ""),
            LaunchTemplateData=self._data(account, inputs),
            TagSpecifications=self.tag_specifications(inputs),
        )
        return str(response["LaunchTemplate"]["LaunchTemplateId"])

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Create a version with the new data. The version becomes the default if the inputs request it."""
        response = account.call(
            "ec2",
            "CreateLaunchTemplateVersion",
            LaunchTemplateId=identity,
            VersionDescription=inputs.get("description", ""),
            LaunchTemplateData=self._data(account, inputs),
        )
        version = str(response["LaunchTemplateVersion"]["VersionNumber"])
        if inputs.get("updateDefaultVersion"):
            account.call("ec2", "ModifyLaunchTemplate", LaunchTemplateId=identity, DefaultVersion=version)

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN and the versions."""
        return {
            "arn": arn(account, "ec2", f"launch-template/{description['LaunchTemplateId']}"),
            "latestVersion": description["LatestVersionNumber"],
            "defaultVersion": description["DefaultVersionNumber"],
        }

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the template."""
        account.call("ec2", "DeleteLaunchTemplate", LaunchTemplateId=identity)

    def _data(self, account: Account, inputs: Properties) -> dict[str, Any]:
        shape = account.parameters("ec2", "CreateLaunchTemplate", "LaunchTemplateData")
        return build_parameters(shape, without(inputs, *_TEMPLATE_ONLY), _TEMPLATE_RENAMES)


class NetworkInterface(Ec2Kind):
    """A network interface with fixed addresses."""

    noun = "network-interface"
    listing = ("DescribeNetworkInterfaces", "NetworkInterfaceIds", "NetworkInterfaces")
    in_place = ("tags", "description", "securityGroups")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the interface. Its first address is the primary address."""
        addresses = [
            {"PrivateIpAddress": address, "Primary": index == 0}
            for index, address in enumerate(inputs.get("privateIps") or [])
        ]
        response = self.create_tagged(
            account,
            "CreateNetworkInterface",
            without(inputs, "privateIps"),
            {"securityGroups": "Groups"},
            PrivateIpAddresses=addresses,
        )
        return str(response["NetworkInterface"]["NetworkInterfaceId"])

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change the security groups or the description."""
        modify = {"NetworkInterfaceId": identity}
        if "securityGroups" in changed:
            groups = inputs["securityGroups"]
            account.call("ec2", "ModifyNetworkInterfaceAttribute", Groups=groups, **modify)
        if "description" in changed:
            text = {"Value": inputs.get("description", "")}
            account.call("ec2", "ModifyNetworkInterfaceAttribute", Description=text, **modify)

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the primary address."""
        identity = description["NetworkInterfaceId"]
        return {
            "arn": arn(account, "ec2", f"network-interface/{identity}"),
            "privateIp": description["PrivateIpAddress"],
            "macAddress": description.get("MacAddress", ""),
        }

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the interface."""
        account.call("ec2", "DeleteNetworkInterface", NetworkInterfaceId=identity)


class Volume(Ec2Kind):
    """A volume of EBS."""

    noun = "volume"
    listing = ("DescribeVolumes", "VolumeIds", "Volumes")
    in_place = ("tags", "size", "type", "iops", "throughput")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the volume."""
        return str(self.create_tagged(account, "CreateVolume", inputs, {"type": "VolumeType"})["VolumeId"])

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change size, type or speed."""
        values = {key: value for key, value in inputs.items() if key in changed}
        account.create("ec2", "ModifyVolume", values, {"type": "VolumeType"}, VolumeId=identity)

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the ARN."""
        return {"arn": arn(account, "ec2", f"volume/{description['VolumeId']}")}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the volume."""
        account.call("ec2", "DeleteVolume", VolumeId=identity)
