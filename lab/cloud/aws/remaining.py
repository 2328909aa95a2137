"""Lists the resources that exist in the emulated AWS, for example after the removal of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import REGIONS

Item = Mapping[str, Any]
_CLUSTER_TAG = "kubewright:cluster"


@dataclass(frozen=True, slots=True)
class _Listing:
    """A call that lists resources: the service, the method of boto3, and the keys of the list and of the id.

    `counts` selects the items that count. Every account has default items.
    """

    service: str
    method: str
    key: str
    identity: str
    counts: Callable[[Item], bool] = lambda _: True


def _own(item: Item) -> bool:
    """Check whether a resource of EC2 has the tag of a cluster."""
    return any(tag["Key"] == _CLUSTER_TAG for tag in item.get("Tags") or item.get("TagSet") or [])


LISTINGS = (
    _Listing("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    _Listing("dlm", "get_lifecycle_policies", "Policies", "PolicyId"),
    _Listing("ec2", "describe_addresses", "Addresses", "AllocationId"),
    _Listing("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    _Listing(
        "ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", lambda item: _own(item)
    ),
    _Listing("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    _Listing(
        "ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", lambda item: item["State"] != "deleted"
    ),
    _Listing("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", _own),
    _Listing("ec2", "describe_route_tables", "RouteTables", "RouteTableId", _own),
    _Listing("ec2", "describe_security_groups", "SecurityGroups", "GroupId", _own),
    _Listing("ec2", "describe_subnets", "Subnets", "SubnetId", _own),
    _Listing("ec2", "describe_volumes", "Volumes", "VolumeId", _own),
    _Listing(
        "ec2",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        "VpcEndpointId",
        lambda item: str(item["State"]).lower() != "deleted",
    ),
    _Listing("ec2", "describe_vpcs", "Vpcs", "VpcId", lambda item: not item["IsDefault"]),
    _Listing("efs", "describe_file_systems", "FileSystems", "FileSystemId"),
    _Listing("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    _Listing("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    _Listing("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    _Listing("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    _Listing("iam", "list_roles", "Roles", "RoleName"),
    _Listing(
        "kms",
        "list_aliases",
        "Aliases",
        "AliasName",
        lambda item: not item["AliasName"].startswith("alias/aws/"),
    ),
    _Listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    _Listing("route53", "list_hosted_zones", "HostedZones", "Id"),
    _Listing("s3", "list_buckets", "Buckets", "Name"),
)


def remaining_resources(variables: Mapping[str, str]) -> list[str]:
    """Return the resources of an emulated account as `<service> <id>`, sorted.

    `variables` are the environment variables of the deployer. Keys whose deletion is scheduled and
    terminated instances do not count.
    """
    services = ("ec2", "iam", *(listing.service for listing in LISTINGS))
    clients = {service: client(service, variables) for service in dict.fromkeys(services)}
    found = []
    for listing in LISTINGS:
        response = getattr(clients[listing.service], listing.method)()
        items = [item for item in response[listing.key] if listing.counts(item)]
        found += [f"{listing.service} {item[listing.identity]}" for item in items]
    found += [f"iam {item['PolicyName']}" for item in clients["iam"].list_policies(Scope="Local")["Policies"]]
    # The key of copies of snapshots is in another region than the cluster.
    keys = [key for region in REGIONS for key in _keys(client("kms", {**variables, "AWS_REGION": region}))]
    return sorted(found + _instances(clients["ec2"]) + keys)


def _instances(ec2: Any) -> list[str]:  # noqa: ANN401 — boto3 has a class for each service
    instances = [item for group in ec2.describe_instances()["Reservations"] for item in group["Instances"]]
    return [f"ec2 {item['InstanceId']}" for item in instances if item["State"]["Name"] != "terminated"]


def _keys(kms: Any) -> list[str]:  # noqa: ANN401 — boto3 has a class for each service
    """Return the keys of clusters. moto creates default keys for volumes, which are not listed."""
    keys = [kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"] for item in kms.list_keys()["Keys"]]
    kept = [key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion"]
    tags = {key: kms.list_resource_tags(KeyId=key)["Tags"] for key in kept}
    return [f"kms {key}" for key in kept if any(tag["TagKey"] == _CLUSTER_TAG for tag in tags[key])]
