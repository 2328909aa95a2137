"""Facts of AWS for previews: inputs that replace a resource, generated names, results of functions.

The official plugin is built from a Terraform provider. An input replaces a resource if it has the property
`ForceNew` in that provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Value

REPLACES: Mapping[str, tuple[str, ...]] = {
    "aws:autoscaling/group:Group": ("name", "namePrefix", "initialLifecycleHooks"),
    "aws:autoscaling/lifecycleHook:LifecycleHook": ("name", "autoscalingGroupName"),
    "aws:cloudwatch/eventRule:EventRule": ("name", "namePrefix", "eventBusName"),
    "aws:cloudwatch/eventTarget:EventTarget": ("rule", "eventBusName", "targetId"),
    "aws:cloudwatch/logGroup:LogGroup": ("name", "namePrefix", "logGroupClass"),
    "aws:ebs/volume:Volume": (
        "availabilityZone",
        "encrypted",
        "kmsKeyId",
        "multiAttachEnabled",
        "outpostArn",
        "snapshotId",
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "aws:ec2/eip:Eip": ("domain", "address", "publicIpv4Pool", "networkBorderGroup"),
    "aws:ec2/flowLog:FlowLog": (
        "deliverCrossAccountRole",
        "destinationOptions",
        "eniId",
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "subnetId",
        "trafficType",
        "transitGatewayId",
        "vpcId",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": ("name", "namePrefix"),
    "aws:ec2/natGateway:NatGateway": ("allocationId", "connectivityType", "privateIp", "subnetId"),
    "aws:ec2/networkInterface:NetworkInterface": ("subnetId", "interfaceType"),
    "aws:ec2/route:Route": (
        "routeTableId",
        "destinationCidrBlock",
        "destinationIpv6CidrBlock",
        "destinationPrefixListId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": ("description", "name", "namePrefix", "vpcId"),
    "aws:ec2/subnet:Subnet": (
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv6Native",
        "outpostArn",
        "vpcId",
    ),
    "aws:ec2/subnetCidrReservation:SubnetCidrReservation": (
        "cidrBlock",
        "description",
        "reservationType",
        "subnetId",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("serviceName", "serviceRegion", "vpcEndpointType", "vpcId"),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName",
        "creationToken",
        "encrypted",
        "kmsKeyId",
        "performanceMode",
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": ("fileSystemId",),
    "aws:efs/mountTarget:MountTarget": ("fileSystemId", "ipAddress", "subnetId"),
    "aws:iam/instanceProfile:InstanceProfile": ("name", "namePrefix", "path"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/policy:Policy": ("description", "name", "namePrefix", "path"),
    "aws:iam/role:Role": ("name", "namePrefix", "path"),
    "aws:iam/rolePolicy:RolePolicy": ("name", "namePrefix", "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
    "aws:kms/alias:Alias": ("name", "namePrefix"),
    "aws:kms/key:Key": ("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion"),
    "aws:lb/listener:Listener": ("loadBalancerArn",),
    "aws:lb/loadBalancer:LoadBalancer": (
        "customerOwnedIpv4Pool",
        "internal",
        "loadBalancerType",
        "name",
        "namePrefix",
    ),
    "aws:lb/targetGroup:TargetGroup": (
        "ipAddressType",
        "name",
        "namePrefix",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": (
        "availabilityZone",
        "port",
        "targetGroupArn",
        "targetId",
    ),
    "aws:route53/record:Record": ("name", "zoneId"),
    "aws:route53/zone:Zone": ("delegationSetId", "name"),
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("bucket", "expectedBucketOwner"),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket", "key"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("bucket",),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "bucket",
        "expectedBucketOwner",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket", "expectedBucketOwner"),
    "aws:sqs/queue:Queue": ("fifoQueue", "name", "namePrefix"),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
}
"""By type, the inputs whose change replaces the resource."""

RENEWED: Mapping[str, tuple[str, ...]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("versionId",),
}
"""By type, the outputs that change with every update. In a preview of an update these are unknown."""

NAMES = {"aws:s3/bucket:Bucket": "bucket"}
"""By type, the input that receives a generated name, if that input is not `name`."""

MAX_NAME_LENGTHS = {"aws:lb/loadBalancer:LoadBalancer": 32, "aws:lb/targetGroup:TargetGroup": 32}
"""By type, the maximum length of a generated name where AWS allows fewer than 64 characters."""

_ZONES = "abc"
_PLACEHOLDER = "unknown-in-this-preview"
_SYSTEM_DEVICES = {"099720109477": "/dev/sda1"}  # Canonical; Debian, Amazon and most others have /dev/xvda
Arguments = Mapping[str, Value]


def _assume_image(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    filters = {item["name"]: item["values"] for item in arguments.get("filters") or []}
    owner = (arguments.get("owners") or [""])[0]
    identity = (filters.get("image-id") or [f"ami-{_PLACEHOLDER}"])[0]
    return {
        "id": identity,
        "imageId": identity,
        "name": (filters.get("name") or [_PLACEHOLDER])[0],
        "ownerId": owner,
        "owners": arguments.get("owners") or [],
        "architecture": (filters.get("architecture") or ["x86_64"])[0],
        "rootDeviceName": _SYSTEM_DEVICES.get(owner, "/dev/xvda"),
        "rootDeviceType": "ebs",
        "virtualizationType": "hvm",
    }


def _assume_zones(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    region = _region_of(arguments, settings)
    return {"id": region, "region": region, "names": [region + zone for zone in _ZONES]}


def _assume_caller(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    account = (settings.get("allowedAccountIds") or ["0" * 12])[0]
    partition = _partition_of(_region_of(arguments, settings))
    return {
        "id": account,
        "accountId": account,
        "arn": f"arn:{partition}:iam::{account}:user/{_PLACEHOLDER}",
        "userId": _PLACEHOLDER,
    }


def _assume_partition(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    partition = _partition_of(_region_of(arguments, settings))
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": partition, "partition": partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _assume_region(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    region = _region_of(arguments, settings)
    return {"id": region, "region": region, "name": region}


FUNCTIONS: Mapping[str, Callable[[Arguments, Arguments], dict[str, Value]]] = {
    "aws:ec2/getAmi:getAmi": _assume_image,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _assume_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _assume_caller,
    "aws:index/getPartition:getPartition": _assume_partition,
    "aws:index/getRegion:getRegion": _assume_region,
}
"""By token, a function that returns an assumed result from the arguments and the provider settings.

Made-up values, such as the id of an image, contain `_PLACEHOLDER`, so that a user recognizes them.
"""


def _region_of(arguments: Arguments, settings: Arguments) -> str:
    region = arguments.get("region") or settings.get("region")
    if not isinstance(region, str):
        raise PluginError("aws: no region: set aws.region in the stack file")
    return region


def _partition_of(region: str) -> str:
    for prefix, partition in {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}.items():
        if region.startswith(prefix):
            return partition
    return "aws"
