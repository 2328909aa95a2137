"""Limits of AWS that botocore's service models do not contain, as a table with the source of each row.

The emulated services accept most values, so without this table the emulation would accept what AWS refuses.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.runtime.limits import ValueLimit

_EC2 = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
_EC2_TEXT = r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*"
"""The characters of names and descriptions of security groups and their rules."""
_IAM_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
_TAG_RULES = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"
_ELB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
_SCALING = "https://docs.aws.amazon.com/autoscaling/ec2/APIReference"
_DLM = "https://docs.aws.amazon.com/dlm/latest/APIReference/API_CreateRule.html"


@dataclass(frozen=True, kw_only=True)
class Limit(ValueLimit):
    """A limit of one parameter of an operation, or of operations such as `Authorize*`."""

    service: str
    operation: str


def _user_data(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except ValueError:
        return "is not base64"
    return f"has {size} bytes, over 16384" if size > 16 * 1024 else ""


def _policy(longest: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            json.loads(text)
        except ValueError:
            return "is not JSON"
        size = len(re.sub(r"\s", "", text))  # white space does not count
        return f"has {size} characters, over {longest}" if size > longest else ""

    return check


def _range(text: str) -> str:
    """Check the size of the range of a VPC or subnet."""
    return "" if 16 <= int(text.rpartition("/")[2]) <= 28 else f"{text} is not between /16 and /28"


def _tag_key(key: str) -> str:
    if key.lower().startswith("aws:"):
        return f"{key!r}: keys that start with aws: are reserved"
    return f"{key!r} has {len(key)} characters, over 128" if len(key) > 128 else ""


def _rules(permissions: list[Mapping[str, Any]]) -> str:
    """Check the default quota of rules in one direction of a security group."""
    sources = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
    count = sum(len(item.get(key, ())) for item in permissions for key in sources)
    return f"has {count} rules, over the quota of 60" if count > 60 else ""


LIMITS = (
    Limit(
        service="ec2",
        operation="CreateSecurityGroup",
        path="GroupName",
        pattern=rf"(?!sg-){_EC2_TEXT}",
        longest=255,
        source=f"{_EC2}/API_CreateSecurityGroup.html",
    ),
    Limit(
        service="ec2",
        operation="CreateSecurityGroup",
        path="Description",
        pattern=_EC2_TEXT,
        longest=255,
        source=f"{_EC2}/API_CreateSecurityGroup.html",
    ),
    Limit(
        service="ec2",
        operation="*SecurityGroup*gress",
        path="IpPermissions[].IpRanges[].Description",
        pattern=_EC2_TEXT,
        longest=255,
        source=f"{_EC2}/API_IpRange.html",
    ),
    Limit(
        service="ec2",
        operation="*SecurityGroup*gress",
        path="IpPermissions[].UserIdGroupPairs[].Description",
        pattern=_EC2_TEXT,
        longest=255,
        source=f"{_EC2}/API_UserIdGroupPair.html",
    ),
    Limit(
        service="ec2",
        operation="AuthorizeSecurityGroup*",
        path="IpPermissions[].FromPort",
        lowest=-1,
        highest=65535,
        source=f"{_EC2}/API_IpPermission.html",
    ),
    Limit(
        service="ec2",
        operation="AuthorizeSecurityGroup*",
        path="IpPermissions[].ToPort",
        lowest=-1,
        highest=65535,
        source=f"{_EC2}/API_IpPermission.html",
    ),
    Limit(
        service="ec2",
        operation="AuthorizeSecurityGroup*",
        path="IpPermissions",
        check=_rules,
        source=_VPC_QUOTAS,
    ),
    Limit(
        service="ec2",
        operation="CreateVpc",
        path="CidrBlock",
        check=_range,
        source=f"{_EC2}/API_CreateVpc.html",
    ),
    Limit(
        service="ec2",
        operation="CreateSubnet",
        path="CidrBlock",
        check=_range,
        source=f"{_EC2}/API_CreateSubnet.html",
    ),
    Limit(
        service="ec2",
        operation="CreateLaunchTemplate*",
        path="LaunchTemplateData.UserData",
        check=_user_data,
        source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html",
    ),
    Limit(
        service="ec2",
        operation="CreateVolume",
        path="Size",
        lowest=1,
        highest=65536,
        source=f"{_EC2}/API_CreateVolume.html",
    ),
    Limit(
        service="ec2",
        operation="CreateFlowLogs",
        path="MaxAggregationInterval",
        check=lambda seconds: "" if seconds in (60, 600) else f"{seconds} is neither 60 nor 600",
        source=f"{_EC2}/API_CreateFlowLogs.html",
    ),
    Limit(service="*", operation="*", path="**.Tags", longest=50, source=_TAG_RULES),
    Limit(service="*", operation="*", path="**.Tags[].Key", check=_tag_key, source=_TAG_RULES),
    Limit(service="*", operation="*", path="**.Tags[].Value", longest=256, source=_TAG_RULES),
    Limit(
        service="iam",
        operation="CreateRole",
        path="AssumeRolePolicyDocument",
        check=_policy(2048),
        source=_IAM_QUOTAS,
    ),
    # The limit counts all inline policies of the role together: the plugin checks their sum.
    Limit(
        service="iam",
        operation="PutRolePolicy",
        path="PolicyDocument",
        check=_policy(10_240),
        source=_IAM_QUOTAS,
    ),
    Limit(
        service="iam",
        operation="CreatePolicy*",
        path="PolicyDocument",
        check=_policy(6144),
        source=_IAM_QUOTAS,
    ),
    Limit(
        service="elbv2",
        operation="CreateLoadBalancer",
        path="Name",
        pattern=r"(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?",
        source=f"{_ELB}/API_CreateLoadBalancer.html",
    ),
    Limit(
        service="elbv2",
        operation="CreateTargetGroup",
        path="Name",
        pattern=r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?",
        source=f"{_ELB}/API_CreateTargetGroup.html",
    ),
    Limit(
        service="autoscaling",
        operation="PutLifecycleHook",
        path="HeartbeatTimeout",
        lowest=30,
        highest=7200,
        source=f"{_SCALING}/API_PutLifecycleHook.html",
    ),
    Limit(
        service="autoscaling",
        operation="*AutoScalingGroup",
        path="AutoScalingGroupName",
        pattern="[^:]+",
        source=f"{_SCALING}/API_CreateAutoScalingGroup.html",
    ),
    Limit(
        service="autoscaling",
        operation="*AutoScalingGroup",
        path="MixedInstancesPolicy.LaunchTemplate.Overrides",
        longest=40,
        source="https://docs.aws.amazon.com/autoscaling/ec2/userguide/mixed-instances-groups-set-up-overview.html",
    ),
    Limit(
        service="s3",
        operation="CreateBucket",
        path="Bucket",
        pattern=r"(?!xn--|sthree-)(?!.*\.\.)(?!.*-s3alias$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        source=f"{_S3}/bucketnamingrules.html",
    ),
    Limit(service="s3", operation="PutObject", path="Key", longest=1024, source=f"{_S3}/object-keys.html"),
    Limit(
        service="s3",
        operation="PutObject",
        path="Tagging",
        check=lambda text: "" if text.count("=") <= 10 else "has over 10 tags",
        source=f"{_S3}/object-tagging.html",
    ),
    Limit(
        service="s3",
        operation="PutBucketPolicy",
        path="Policy",
        check=_policy(20 * 1024),
        source=f"{_S3}/bucket-policies.html",
    ),
    Limit(
        service="kms",
        operation="CreateAlias",
        path="AliasName",
        pattern=r"alias/(?!aws/)[a-zA-Z0-9/_-]+",
        source="https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html",
    ),
    Limit(
        service="kms",
        operation="ScheduleKeyDeletion",
        path="PendingWindowInDays",
        lowest=7,
        highest=30,
        source="https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
    ),
    Limit(
        service="dlm",
        operation="CreateLifecyclePolicy",
        path="PolicyDetails.Schedules[].CreateRule.Interval",
        check=lambda hours: "" if hours in (1, 2, 3, 4, 6, 8, 12, 24) else f"{hours} is no interval",
        source=_DLM,
    ),
)
"""All limits. Quotas that an account can raise are in the settings `aws.quotas`, except rules per group."""
