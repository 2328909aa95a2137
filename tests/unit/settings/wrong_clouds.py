"""Invalid settings of clusters in clouds."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import MIRROR, REMOVE, InvalidSettings, with_edits

_CLUSTER: dict[str, Any] = {
    "name": "cloud",
    "artifacts": MIRROR,
    "endpoint": {"host": "api.example.internal"},
    "network": {"api_allowed": ["0.0.0.0/0"]},
    "control_planes": {"hosts": ["cp-1", "cp-2", "cp-3"], "machine": {"type": "large"}},
    "pools": {"general": {"size": {"min": 1, "max": 9}, "machine": {"types": ["medium"]}}},
}
AWS: dict[str, Any] = {
    **_CLUSTER,
    "aws": {
        "region": "eu-central-1",
        "zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        "network": {"range": "10.20.0.0/16"},
        "image": {"id": "ami-0123456789abcdef0"},
    },
}
AZURE: dict[str, Any] = {
    **_CLUSTER,
    "azure": {
        "subscription": "00000000-0000-0000-0000-000000000000",
        "location": "westeurope",
        "network": {"range": "10.30.0.0/16"},
        "image": {"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2"},
    },
}
_PRIVATE_SUBNETS = {
    f"eu-central-1{zone}": {"id": f"subnet-{zone}", "range": f"10.20.{i}.0/24"}
    for i, zone in enumerate("abc")
}
_AWS_EXISTING_VPC = with_edits(
    AWS, {"aws.network": {"range": "10.20.0.0/16", "vpc": "vpc-1", "private": _PRIVATE_SUBNETS}}
)
_MEMBER_SUBNET = {"id": "subnet-1", "range": "10.30.0.0/24"}
_POOL_SUBNET = {"id": "subnet-2", "range": "10.30.1.0/24"}

CLOUDS = (
    # Provider sections
    InvalidSettings("", "metal and aws are set", {"aws": AWS["aws"]}, together_with=0),
    InvalidSettings("", "aws and azure are set", {"azure": AZURE["azure"]}, AWS),
    InvalidSettings(
        "artifacts.charts",
        "needs artifacts.mirror, where Helm reads the charts",
        {"artifacts": {"store": "own", "charts": "mirror"}},
        AWS,
    ),
    InvalidSettings("aws.region", "missing", {"aws.region": REMOVE}, AWS),
    InvalidSettings("aws.region", "not a region", {"aws.region": "Frankfurt"}, AWS),
    InvalidSettings("aws.account", "not an account id; allowed: 12 digits", {"aws.account": "prod"}, AWS),
    InvalidSettings("aws.account", "in quotes", {"aws.account": 123456789012}, AWS),
    InvalidSettings(
        "aws.disk_key", "not the ARN of a KMS key; allowed: arn:aws:kms", {"aws.disk_key": "alias/disks"}, AWS
    ),
    InvalidSettings(
        "aws.disk_key",
        "not a key of aws.region, eu-central-1",
        {"aws.disk_key": "arn:aws:kms:eu-west-1:123456789012:key/1234"},
        AWS,
    ),
    InvalidSettings(
        "aws.repair_after", "not a time for the repair of machines; allowed", {"aws.repair_after": "1m"}, AWS
    ),
    InvalidSettings("aws.repair_after", "allowed: 5m to 2h, or 0s", {"aws.repair_after": "3h"}, AWS),
    InvalidSettings("azure.repair_after", "allowed: 5m to 2h, or 0s", {"azure.repair_after": "4m"}, AZURE),
    InvalidSettings(
        "network.api_allowed",
        "open to the internet, while aws.endpoint.public is true",
        {"aws.endpoint": {"public": True}},
        AWS,
    ),
    InvalidSettings(
        "network.api_allowed",
        "list your own networks, or set environment: poc",
        {"azure.endpoint": {"public": True}, "network.api_allowed": ["0.0.0.0/1", "128.0.0.0/1"]},
        AZURE,
    ),
    InvalidSettings("azure.location", "not a location", {"azure.location": "West Europe"}, AZURE),
    InvalidSettings("azure.subscription", "not an id", {"azure.subscription": "mine"}, AZURE),
    # Members
    InvalidSettings(
        "control_planes.machine", "missing; describe the machines", {"control_planes.machine": REMOVE}, AWS
    ),
    InvalidSettings(
        "control_planes.machine", "allowed only in a cloud", {"control_planes.machine": {"type": "large"}}
    ),
    InvalidSettings("etcd.machine", "missing; describe the", {"etcd.hosts": ["e-1", "e-2", "e-3"]}, AWS),
    InvalidSettings("etcd.machine", "not used by any host", {"etcd.machine": {"type": "small"}}, AWS),
    InvalidSettings(
        "control_planes.machine.disk", "too small; allowed: 20Gi", {"control_planes.machine.disk": "8Gi"}, AWS
    ),
    InvalidSettings(
        "control_planes.machine.data_disk", "not whole GiB", {"control_planes.machine.data_disk": "20G"}, AWS
    ),
    InvalidSettings(
        "control_planes.hosts[0]", '"CP": not a DNS label', {"control_planes.hosts": ["CP"]}, AWS
    ),
    InvalidSettings(
        "etcd.hosts[0]",
        '"E": not a DNS label',
        {"etcd.hosts": ["E"], "etcd.machine": {"type": "small"}},
        AWS,
    ),
    InvalidSettings(
        "control_planes.hosts",
        "6 control planes make writes to etcd slower than 5; allowed: 1, 3 or 5",
        {"control_planes.hosts": [f"cp-{number}" for number in range(6)]},
        AWS,
    ),
    InvalidSettings(
        "load_balancers.hosts",
        "which provides a load balancer",
        {"load_balancers.hosts": ["lb-1", "lb-2"]},
        AWS,
    ),
    InvalidSettings(
        "network.machines", "where aws.network.range is used", {"network.machines": ["10.0.0.0/8"]}, AWS
    ),
    # Pools
    InvalidSettings(
        "pools.workers.size",
        "allowed only in a cloud; name hosts",
        {"pools.workers.size": {"min": 1, "max": 2}},
    ),
    InvalidSettings(
        "pools.general.hosts", "which creates the machines", {"pools.general.hosts": ["w-1"]}, AWS
    ),
    InvalidSettings(
        "pools.general.size", "missing; set the number of nodes", {"pools.general.size": REMOVE}, AWS
    ),
    InvalidSettings(
        "pools.general.machine", "missing; describe the machines", {"pools.general.machine": REMOVE}, AWS
    ),
    InvalidSettings("pools.general.size.min", "above max, 9", {"pools.general.size.min": 10}, AWS),
    InvalidSettings(
        "pools.general.machine.types", "at least 1 entry", {"pools.general.machine.types": []}, AWS
    ),
    InvalidSettings(
        "pools.general.machine.types",
        "has one machine type",
        {"pools.general.machine.types": ["a", "b"]},
        AZURE,
    ),
    InvalidSettings(
        "pools.general.max_unavailable", "would take all 9", {"pools.general.max_unavailable": 9}, AWS
    ),
    InvalidSettings(
        "pools.cp-1", "also the name of a member", {"pools": {"cp-1": _CLUSTER["pools"]["general"]}}, AWS
    ),
    InvalidSettings(
        "pools.general.labels",
        "NodeRestriction refuses this one",
        {"pools.general.labels": {"node-role.kubernetes.io/worker": ""}},
        AWS,
    ),
    InvalidSettings(
        "pools", "5,003 nodes with the control planes", {"pools.general.size.max": 5000}, AWS, together_with=1
    ),
    # Endpoint
    InvalidSettings("endpoint", "missing; name the API", {"endpoint": REMOVE}, AWS),
    InvalidSettings("endpoint.host", "not a DNS name; use one", {"endpoint.host": "10.20.0.5"}, AWS),
    InvalidSettings("endpoint.host", "has no domain", {"endpoint.host": "api"}, AWS),
    # Network and zones
    InvalidSettings(
        "network.backend", "clouds drop packets with pod addresses", {"network.backend": "host-gw"}, AWS
    ),
    InvalidSettings("network.pods", "overlaps aws.network.range", {"network.pods": "10.20.0.0/17"}, AWS),
    InvalidSettings(
        "network.services", "overlaps aws.network.range", {"network.services": "10.20.0.0/20"}, AWS
    ),
    InvalidSettings(
        "network.pods",
        "1,103 needed; no IPv4 range is that large; reduce the sizes of the pools",
        {"pools.general.size.max": 1100, "network.pods": "11.0.0.0/8", "network.node_prefix": 10},
        AWS,
    ),
    InvalidSettings("aws.network.range", "larger than a /16", {"aws.network.range": "172.16.0.0/12"}, AWS),
    InvalidSettings(
        "aws.network.range", "allowed: a /22 or larger", {"aws.network.range": "10.20.0.0/24"}, AWS
    ),
    InvalidSettings(
        "azure.network.range",
        "have 123 addresses for machines; 151",
        {"pools.general.size.max": 150, "azure.network.range": "10.30.0.0/22"},
        AZURE,
    ),
    InvalidSettings("aws.zones", "the loss of a zone could break", {"aws.zones": 2}, AWS),
    InvalidSettings("aws.zones", "not zones; allowed", {"aws.zones": "eu-central-1a"}, AWS),
    InvalidSettings("aws.zones", "allowed: 1 to 6", {"aws.zones": 7}, AWS),
    InvalidSettings(
        "aws.zones[1]", "named twice", {"aws.zones": ["eu-central-1a", "eu-central-1a", "eu-central-1b"]}, AWS
    ),
    InvalidSettings(
        "aws.zones[2]",
        "not a zone of aws.region",
        {"aws.zones": ["eu-central-1a", "eu-central-1b", "eu-west-1c"]},
        AWS,
    ),
    InvalidSettings("aws.zones", "not names; with an existing VPC", {"aws.zones": 3}, _AWS_EXISTING_VPC),
    InvalidSettings(
        "aws.network.private",
        "allowed only for an existing VPC",
        {"aws.network.private": _PRIVATE_SUBNETS},
        AWS,
    ),
    InvalidSettings(
        "aws.network.private",
        "has no subnet for zone eu-central-1a",
        {"aws.network.private.eu-central-1a": REMOVE},
        _AWS_EXISTING_VPC,
    ),
    InvalidSettings(
        "aws.network.public",
        "has no subnet for zone eu-central-1b",
        {
            "aws.network.public": {
                "eu-central-1a": {"id": "s", "range": "10.20.9.0/24"},
                "eu-central-1c": {"id": "t", "range": "10.20.8.0/24"},
            }
        },
        _AWS_EXISTING_VPC,
    ),
    InvalidSettings(
        "aws.network.private.eu-central-1a.range",
        "not inside the network's range",
        {"aws.network.private.eu-central-1a.range": "10.21.0.0/24"},
        _AWS_EXISTING_VPC,
    ),
    InvalidSettings(
        "aws.network.private.eu-central-1b.range",
        "overlaps the subnet of",
        {"aws.network.private.eu-central-1b.range": "10.20.0.0/24"},
        _AWS_EXISTING_VPC,
    ),
    InvalidSettings(
        "aws.network",
        "needs a /27 or larger",
        {"aws.network.private.eu-central-1a.range": "10.20.0.0/28", "pools.general.size.max": 3},
        _AWS_EXISTING_VPC,
    ),
    InvalidSettings(
        "azure.network.subnets",
        "id and subnets of an existing network",
        {"azure.network.id": "/subscriptions/x"},
        AZURE,
    ),
    InvalidSettings(
        "azure.network.subnets.pools.range",
        "overlaps the subnet of members",
        {
            "azure.network.id": "/x",
            "azure.network.subnets": {
                "members": _MEMBER_SUBNET,
                "pools": {**_POOL_SUBNET, "range": "10.30.0.128/25"},
            },
        },
        AZURE,
    ),
    # Images, add-ons, tags, endpoints
    InvalidSettings("aws.image", "needs either id, or owner", {"aws.image": {"owner": "136693071363"}}, AWS),
    InvalidSettings("azure.image", "needs either id, or publisher", {"azure.image.id": "/gallery"}, AZURE),
    InvalidSettings(
        "azure.addons.load_balancers",
        "creates load balancers",
        {"azure.addons.load_balancers": True},
        AZURE,
    ),
    InvalidSettings("azure.zones", "name one zone, or all three", {"azure.zones": ["1", "2"]}, AZURE),
    InvalidSettings("azure.zones", "4: not a zone", {"azure.zones": ["1", "2", "4"]}, AZURE),
    InvalidSettings("azure.network.nat", "would never become ready", {"azure.network.nat": False}, AZURE),
    InvalidSettings("azure.ssh_key", "not a public key", {"azure.ssh_key": "mine"}, AZURE),
    InvalidSettings("aws.ssh_key", "not a key pair's name", {"aws.ssh_key": "ssh-rsa AAAA"}, AWS),
    InvalidSettings("aws.tags", "begins with a reserved word", {"aws.tags": {"aws:x": "y"}}, AWS),
    InvalidSettings("aws.tags", "without <>", {"aws.tags": {"a/b": "y"}}, AWS),
    InvalidSettings(
        "aws.endpoints.s3", "not a URL; allowed: https://", {"aws.endpoints.s3": "http://s3.example"}, AWS
    ),
    InvalidSettings(
        "azure.endpoints.management",
        "not a URL; allowed: https://",
        {"azure.endpoints.management": "http://arm.example"},
        AZURE,
    ),
    InvalidSettings(
        "aws.snapshots.every_hours", "unknown; allowed: 1, 2", {"aws.snapshots.every_hours": 5}, AWS
    ),
    InvalidSettings("aws.tags", "without <>", {"aws.tags": {"k" * 101: "y"}}, AWS),
    InvalidSettings("aws.tags", "values of 256", {"aws.tags": {"k": "y" * 257}}, AWS),
    InvalidSettings(
        "aws.tags", "31 tags; allowed: 30", {"aws.tags": {f"k{number}": "y" for number in range(31)}}, AWS
    ),
    InvalidSettings("endpoint.host", '"-api.example"', {"endpoint.host": "-api.example"}, AWS),
)
