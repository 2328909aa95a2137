"""Functions of the AWS package that the program calls: lookups of the account, zones and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.plugins.aws.account import Account
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties


def _get_caller_identity(account: Account, _: Properties) -> Properties:
    caller = account.call("sts", "GetCallerIdentity")
    return {
        "id": caller["Account"],
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "userId": caller["UserId"],
    }


def _get_availability_zones(account: Account, arguments: Properties) -> Properties:
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
    zones = account.call("ec2", "DescribeAvailabilityZones", Filters=filters)["AvailabilityZones"]
    state = arguments.get("state")
    zones = [zone for zone in zones if state in (None, zone["State"])]
    return {
        "id": account.region,
        "region": account.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
    }


def _get_ami(account: Account, arguments: Properties) -> Properties:
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters") or []]
    owners = {"Owners": arguments["owners"]} if arguments.get("owners") else {}
    images = account.call("ec2", "DescribeImages", Filters=filters, **owners)["Images"]
    if not images:
        raise PluginError("no image matches the search; change aws.image in the stack file")
    image = max(images, key=lambda item: str(item.get("CreationDate", "")))
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "name": image.get("Name", ""),
        "ownerId": image.get("OwnerId", ""),
        "architecture": image["Architecture"],
        "rootDeviceName": image.get("RootDeviceName") or "/dev/xvda",
        "rootDeviceType": image.get("RootDeviceType", "ebs"),
        "virtualizationType": image.get("VirtualizationType", "hvm"),
    }


def _get_partition(account: Account, _: Properties) -> Properties:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _get_region(account: Account, _: Properties) -> Properties:
    return {"id": account.region, "region": account.region, "name": account.region}


FUNCTIONS: Mapping[str, Callable[[Account, Properties], Properties]] = {
    "aws:ec2/getAmi:getAmi": _get_ami,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _get_availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _get_caller_identity,
    "aws:index/getPartition:getPartition": _get_partition,
    "aws:index/getRegion:getRegion": _get_region,
}
"""The functions by token."""
