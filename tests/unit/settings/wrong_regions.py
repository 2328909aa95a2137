"""Invalid settings of copies in another region, permissions boundaries and customer keys."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

REGIONS = (
    InvalidSettings(
        "aws.permissions_boundary",
        "not the ARN of a policy; allowed: arn:aws:iam::",
        {"aws.permissions_boundary": "boundary"},
        AWS,
    ),
    InvalidSettings(
        "aws.permissions_boundary",
        "not in the partition of aws.region",
        {"aws.permissions_boundary": "arn:aws-cn:iam::123456789012:policy/limit"},
        AWS,
    ),
    InvalidSettings(
        "aws.permissions_boundary",
        "a policy of another account than aws.account",
        {
            "aws.account": "123456789012",
            "aws.permissions_boundary": "arn:aws:iam::210987654321:policy/limit",
        },
        AWS,
    ),
    InvalidSettings(
        "aws.snapshot_copies.region",
        "and the copies would be lost with it",
        {"aws.snapshot_copies": {"region": "eu-central-1"}},
        AWS,
    ),
    InvalidSettings(
        "aws.snapshot_copies.region",
        "in another partition of AWS than aws.region",
        {"aws.snapshot_copies": {"region": "us-gov-west-1"}},
        AWS,
    ),
    InvalidSettings(
        "aws.snapshot_copies.region", "not a region", {"aws.snapshot_copies": {"region": "Ireland"}}, AWS
    ),
    InvalidSettings("aws.snapshot_copies.region", "missing", {"aws.snapshot_copies": {"keep_days": 7}}, AWS),
    InvalidSettings(
        "aws.snapshot_copies.keep_days",
        "must be at least 1",
        {"aws.snapshot_copies": {"region": "eu-west-1", "keep_days": 0}},
        AWS,
    ),
    InvalidSettings(
        "aws.endpoints.copies",
        "name the URL of S3 in the region of the copies too",
        {"aws.snapshot_copies": {"region": "eu-west-1"}, "aws.endpoints": {"s3": "https://s3.example.com"}},
        AWS,
    ),
    InvalidSettings(
        "azure.disk_key", "not the id of a disk encryption set", {"azure.disk_key": "disks"}, AZURE
    ),
    InvalidSettings(
        "azure.disk_key",
        "not in azure.subscription",
        {
            "azure.disk_key": "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/keys"
            "/providers/Microsoft.Compute/diskEncryptionSets/disks"
        },
        AZURE,
    ),
    InvalidSettings(
        "azure.snapshot_copies.location",
        "and the copies would be lost with it",
        {"azure.snapshot_copies": {"location": "westeurope"}},
        AZURE,
    ),
    InvalidSettings(
        "azure.snapshot_copies.location",
        "not a location",
        {"azure.snapshot_copies": {"location": "North Europe"}},
        AZURE,
    ),
    InvalidSettings(
        "azure.endpoints.copies",
        "name the URL of the account for copies too",
        {
            "azure.snapshot_copies": {"location": "northeurope"},
            "azure.endpoints": {"blob": "https://blob.example.com"},
        },
        AZURE,
    ),
)
