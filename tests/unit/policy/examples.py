"""Examples for every resource rule: compliant inputs, and a change that breaks the rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.unit.policy.checks import TAGS
from tests.unit.policy.secret_examples import SECRETS

_VOLUME = {"encrypted": True, "finalSnapshot": True, "tags": TAGS}
_FILE_SYSTEM = {"encrypted": True, "tags": TAGS}
_TEMPLATE = {
    "tags": TAGS,
    "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
    "networkInterfaces": [{"associatePublicIpAddress": "false"}],
}
_ACCOUNT = {
    "tags": TAGS,
    "enableHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_2",
    "allowBlobPublicAccess": False,
}
NFS_ACCOUNT = {
    **_ACCOUNT,
    "enableHttpsTrafficOnly": False,
    "kind": "FileStorage",
    "allowSharedKeyAccess": False,
}
BLOCK = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
_NSG_RULE = {
    "direction": "Inbound",
    "access": "Allow",
    "protocol": "Tcp",
    "sourceAddressPrefix": "192.0.2.0/24",
    "destinationPortRange": "22",
}


def _ssh(*sources: str) -> dict[str, Any]:
    return {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": list(sources)}


def _policy(effect: str, principal: Any, condition: Mapping[str, Any] | None = None) -> str:  # noqa: ANN401
    statement = {"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Statement": [{**statement, "Condition": condition or {}}]})


def _interfaces(scale_set: bool, address: Mapping[str, Any]) -> dict[str, Any]:
    profile = {"networkProfile": {"networkInterfaceConfigurations": [{"ipConfigurations": [address]}]}}
    return {"virtualMachineProfile": profile} if scale_set else profile


_CONDITIONS: list[tuple[Any, Mapping[str, Any], Mapping[str, Any]]] = [
    # principal, a condition that restricts access, a condition that allows anonymous access
    ({"AWS": "*"}, {"StringEquals": {"aws:SourceVpce": "vpce-1"}}, {}),
    (
        {"AWS": ["*"]},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"Bool": {"aws:SecureTransport": "true"}},
    ),
    (
        "*",
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
    ),
    (
        "*",
        {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}},
        {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    ),
    ("*", {"StringLike": {"aws:SourceVpc": "vpc-1"}}, {"StringNotLike": {"aws:SourceVpc": "vpc-1"}}),
]
EXAMPLES: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    # rule, type, inputs that comply, a change that breaks the rule
    ("encrypted-disks", "aws:ebs/volume:Volume", _VOLUME, {"encrypted": False}),
    ("encrypted-disks", "aws:ebs/volume:Volume", _VOLUME, {"encrypted": None}),
    ("encrypted-disks", "aws:efs/fileSystem:FileSystem", _FILE_SYSTEM, {"encrypted": False}),
    (
        "encrypted-disks",
        "aws:ec2/launchTemplate:LaunchTemplate",
        _TEMPLATE,
        {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}, {"ebs": {"volumeSize": 20}}]},
    ),
    (
        "encrypted-disks",
        "aws:ec2/instance:Instance",
        {"rootBlockDevice": {"encrypted": True}, "tags": TAGS},
        {"rootBlockDevice": {}},
    ),
    (
        "encrypted-transport",
        "azure-native:storage:StorageAccount",
        _ACCOUNT,
        {"enableHttpsTrafficOnly": False},
    ),
    ("encrypted-transport", "azure-native:storage:StorageAccount", _ACCOUNT, {"minimumTlsVersion": "TLS1_0"}),
    # NFS needs an account that does not require encryption. Without keys, SMB and REST have no clients.
    (
        "encrypted-transport",
        "azure-native:storage:StorageAccount",
        NFS_ACCOUNT,
        {"allowSharedKeyAccess": True},
    ),
    ("encrypted-transport", "azure-native:storage:StorageAccount", NFS_ACCOUNT, {"kind": "StorageV2"}),
    (
        "encrypted-transport",
        "azure-native:storage:StorageAccount",
        NFS_ACCOUNT,
        {"minimumTlsVersion": "TLS1_1"},
    ),
    ("no-public-store", "azure-native:storage:StorageAccount", _ACCOUNT, {"allowBlobPublicAccess": None}),
    (
        "no-public-store",
        "azure-native:storage/v20240101:StorageAccount",
        _ACCOUNT,
        {"allowBlobPublicAccess": True},
    ),
    (
        "no-public-store",
        "azure-native:storage:BlobContainer",
        {"publicAccess": "None"},
        {"publicAccess": "Blob"},
    ),
    (
        "no-public-store",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        BLOCK,
        {"restrictPublicBuckets": False},
    ),
    ("no-public-store", "aws:s3/bucket:Bucket", {"tags": TAGS}, {"acl": "public-read"}),
    (
        "no-public-machine",
        "aws:ec2/launchTemplate:LaunchTemplate",
        _TEMPLATE,
        {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
    ),
    (
        "no-public-machine",
        "aws:ec2/instance:Instance",
        {"associatePublicIpAddress": False, "rootBlockDevice": {"encrypted": True}, "tags": TAGS},
        {"associatePublicIpAddress": True},
    ),
    (
        "no-public-machine",
        "azure-native:network:NetworkInterface",
        {"ipConfigurations": [{"name": "a"}], "tags": TAGS},
        {"ipConfigurations": [{"name": "a", "publicIPAddress": {"id": "x"}}]},
    ),
    (
        "no-open-ingress",
        "aws:ec2/securityGroup:SecurityGroup",
        {
            "tags": TAGS,
            "ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["192.0.2.0/24"]}],
        },
        {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]},
    ),
    (
        "no-open-ingress",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]},
        {"type": "ingress"},
    ),
    (
        "no-open-ingress",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443, "cidrIpv4": "192.0.2.0/24"},
        {"cidrIpv6": "::/0"},
    ),
    (
        "no-open-ingress",
        "azure-native:network:NetworkSecurityGroup",
        {"tags": TAGS, "securityRules": [_NSG_RULE]},
        {"securityRules": [_NSG_RULE, {**_NSG_RULE, "sourceAddressPrefix": "Internet"}]},
    ),
    ("no-open-ingress", "azure-native:network:SecurityRule", _NSG_RULE, {"sourceAddressPrefix": "*"}),
    *(
        (
            "no-open-ingress",
            "azure-native:network:SecurityRule",
            {**_NSG_RULE, **words},
            {"sourceAddressPrefix": s},
        )
        for words, s in [
            ({"direction": "inbound", "access": "ALLOW"}, "INTERNET"),
            ({}, "0.0.0.0/1"),
            ({}, "1.0.0.0-223.255.255.255"),
            ({}, "AzureCloud.westeurope"),
        ]
    ),
    *(
        (
            "no-open-ingress",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "10.0.0.0/8"},
            {"cidrIpv4": None, key: source},
        )
        for key, source in [("cidrIpv4", "64.0.0.0/2"), ("cidrIpv6", "2000::/3"), ("cidrIpv6", "::/1")]
    ),
    (
        "no-open-ingress",
        "aws:ec2/securityGroup:SecurityGroup",
        {"tags": TAGS, "ingress": [_ssh("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "1.0.0.0/8")]},
        {"ingress": [_ssh("1.0.0.0/8"), _ssh("2.0.0.0/8")]},
    ),
    (
        "no-public-store",
        "aws:s3/bucketPolicy:BucketPolicy",
        {"policy": _policy("Deny", "*")},
        {"policy": _policy("Allow", "*")},
    ),
    *(
        (
            "no-public-store",
            "aws:s3/bucketPolicy:BucketPolicy",
            {"policy": _policy("Allow", principal, good)},
            {"policy": _policy("Allow", principal, bad)},
        )
        for principal, good, bad in _CONDITIONS
    ),
    ("no-public-store", "aws:s3/bucketAcl:BucketAcl", {"acl": "private"}, {"acl": "authenticated-read"}),
    (
        "no-public-store",
        "azure-native:storage:BlobContainer",
        {"publicAccess": "none"},
        {"publicAccess": "container"},
    ),
    (
        "no-public-machine",
        "aws:ec2/subnet:Subnet",
        {"tags": TAGS, "mapPublicIpOnLaunch": False},
        {"mapPublicIpOnLaunch": True},
    ),
    ("no-public-machine", "aws:ec2/eip:Eip", {"tags": TAGS, "domain": "vpc"}, {"instance": "i-1"}),
    (
        "no-public-machine",
        "aws:ec2/eipAssociation:EipAssociation",
        {"networkInterfaceId": "eni-1"},
        {"instanceId": "i-1"},
    ),
    *(
        (
            "no-public-machine",
            kind,
            {"tags": TAGS, **_interfaces(profile, {"name": "x"})},
            _interfaces(profile, {"name": "x", "publicIPAddressConfiguration": {"name": "y"}}),
        )
        for kind, profile in [
            ("azure-native:compute:VirtualMachineScaleSet", True),
            ("azure-native:compute:VirtualMachine", False),
        ]
    ),
    ("tagged", "aws:ec2/vpc:Vpc", {"tags": TAGS}, {"tags": {}}),
    ("tagged", "aws:ec2/vpc:Vpc", {"tagsAll": TAGS}, {"tagsAll": {"kubewright:cluster": "other"}}),
    ("tagged", "azure-native:network:VirtualNetwork", {"tags": TAGS}, {"tags": None}),
    (
        "tagged",
        "aws:autoscaling/group:Group",
        {"tags": [{"key": "kubewright:cluster", "value": "prod", "propagateAtLaunch": True}]},
        {"tags": [{"key": "Name", "value": "prod"}]},
    ),
    ("protected-data", "aws:ebs/volume:Volume", _VOLUME, {"finalSnapshot": None}),
    ("kept-stores", "aws:s3/bucket:Bucket", {"tags": TAGS}, {"forceDestroy": True}),
    *SECRETS,
]
