"""Program that reads machine types and zones from the API of EC2 and writes them to the table.

Run as `python3 -m providers.aws.refresh_types --region eu-central-1`, with credentials that allow
`ec2:DescribeInstanceTypes`, `ec2:DescribeInstanceTypeOfferings` and `ec2:DescribeAvailabilityZones`. Types
and regions that were not read stay in the table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.machine_types import TABLE_FILE
from providers.cloud.polling import run_program
from providers.cloud.type_tables import Json, format_table

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client


def read_types(client: EC2Client) -> Json:
    """Return the values of `MachineType` for each machine type that the region of the client offers."""
    types: Json = {}
    for page in client.get_paginator("describe_instance_types").paginate():
        for item in page["InstanceTypes"]:
            architectures = item["ProcessorInfo"]["SupportedArchitectures"]
            types[str(item["InstanceType"])] = [
                item["VCpuInfo"]["DefaultVCpus"],
                item["MemoryInfo"]["SizeInMiB"],
                # Old types support i386 too.
                str(architectures[-1]),
                # `supported` means NVMe disks of the machine, while EBS volumes have other names.
                item["EbsInfo"]["NvmeSupport"] == "required",
                *(str(gpu["Manufacturer"]) for gpu in item.get("GpuInfo", {}).get("Gpus", [])[:1]),
            ]
    return types


def read_region(client: EC2Client, types: Mapping[str, object]) -> Json:
    """Return the zones of the client's region, and the offered types: families where all types are
    offered.
    """
    zones = client.describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
    )
    pages = client.get_paginator("describe_instance_type_offerings").paginate(LocationType="region")
    offered = {str(item["InstanceType"]) for page in pages for item in page["InstanceTypeOfferings"]}
    families: dict[str, set[str]] = {}
    for name in types:
        families.setdefault(name.partition(".")[0], set()).add(name)
    complete = {family for family, names in families.items() if names <= offered}
    single = {name for name in offered if name.partition(".")[0] not in complete}
    return {
        "zones": sorted(zone["ZoneName"] for zone in zones["AvailabilityZones"]),
        "types": sorted(complete | single),
    }


def refresh(regions: Sequence[str], file: Path, source: str) -> None:
    """Read the regions and write the table. `source` is the origin of the data, for readers of the file."""
    table: Json = json.loads(file.read_text()) if file.exists() else {"types": {}, "regions": {}}
    clients = {region: boto3.client("ec2", region) for region in regions}
    for client in clients.values():
        table["types"] |= read_types(client)
    for region, client in clients.items():
        table["regions"][region] = read_region(client, table["types"])
    table |= {"date": datetime.now(UTC).date().isoformat(), "source": source}
    file.write_text(format_table(table))


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.refresh_types")
    parser.add_argument("--region", action="append", required=True, help="name of a region; can be repeated")
    parser.add_argument("--file", type=Path, default=TABLE_FILE, help="file of the table")
    args = parser.parse_args(words)
    return run_program(
        lambda: refresh(args.region, args.file, "the API of EC2"), (ClientError, BotoCoreError)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
