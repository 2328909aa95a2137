"""Program that reads machine sizes and zones from the API of Azure and writes them to the table.

Run as `python3 -m providers.azure.refresh_types --subscription ID --region westeurope`, with the credentials
of the deployer and the permission `Microsoft.Compute/skus/read` on the subscription. Sizes and locations that
were not read stay in the table. Restrictions of the subscription are not read, because the table is the same
for all subscriptions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.environments import ENVIRONMENTS
from providers.azure.machine_types import TABLE_FILE
from providers.azure.wait_clients import management_client
from providers.cloud.polling import WaitError, run_program
from providers.cloud.type_tables import Json, format_table

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.compute.models import ResourceSku


def read_sizes(client: ComputeManagementClient, region: str) -> list[ResourceSku]:
    """Return the machine sizes of a location. Raise WaitError if there are none: Azure's API returns an empty
    list for an unknown location.
    """
    found = client.resource_skus.list(filter=f"location eq '{region}'")
    sizes = [item for item in found if item.resource_type == "virtualMachines"]
    if not sizes:
        raise WaitError(f"{region}: Azure lists no machine sizes; use the short name of a location")
    return sizes


def describe_types(sizes: Iterable[ResourceSku]) -> Json:
    """Return the values of `MachineType` for each size."""
    return {str(item.name): _describe_type(_capabilities(item)) for item in sizes}


def describe_region(sizes: Iterable[ResourceSku], region: str) -> Json:
    """Return the zones of a location, and its sizes by their zones."""
    groups: dict[str, list[str]] = {}
    for item in sizes:
        groups.setdefault(",".join(_zones(item, region)), []).append(str(item.name))
    zones = {zone for group in groups for zone in group.split(",") if zone}
    return {"zones": sorted(zones), "types": {key: sorted(names) for key, names in sorted(groups.items())}}


def _describe_type(capabilities: Mapping[str, str]) -> list[object]:
    return [
        # Sizes with constrained vCPUs have fewer vCPUs available than their series.
        int(capabilities.get("vCPUsAvailable") or capabilities["vCPUs"]),
        int(float(capabilities["MemoryGB"]) * 1024),
        # Old sizes have no capability for the architecture.
        capabilities.get("CpuArchitectureType", "x64"),
        capabilities.get("PremiumIO") == "True",
    ]


def _capabilities(item: ResourceSku) -> dict[str, str]:
    return {str(each.name): str(each.value) for each in item.capabilities or ()}


def _zones(item: ResourceSku, region: str) -> list[str]:
    """Return the zones of a size in a location. Azure's API writes locations also as `WestEurope`."""
    return sorted(
        zone
        for info in item.location_info or ()
        if (info.location or "").lower() == region
        for zone in info.zones or ()
    )


def refresh(client: ComputeManagementClient, regions: Sequence[str], file: Path, source: str) -> None:
    """Read the locations and write the table. `source` is the origin of the data, for readers of the file."""
    table: Json = json.loads(file.read_text()) if file.exists() else {"types": {}, "regions": {}}
    for region in regions:
        sizes = read_sizes(client, region)
        table["types"] |= describe_types(sizes)
        table["regions"][region] = describe_region(sizes, region)
    table |= {"date": datetime.now(UTC).date().isoformat(), "source": source}
    file.write_text(format_table(table))


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.azure.refresh_types")
    parser.add_argument("--subscription", required=True, help="id of a subscription")
    parser.add_argument("--region", action="append", required=True, help="a location; can be repeated")
    parser.add_argument("--cloud", choices=sorted(ENVIRONMENTS), default="public", help="cloud of Azure")
    parser.add_argument("--file", type=Path, default=TABLE_FILE, help="file of the table")
    args = parser.parse_args(words)

    def run() -> None:
        environment = ENVIRONMENTS[args.cloud]
        client = management_client(
            environment.management,
            deployer_credential(os.environ, environment.login),
            args.subscription,
            None,
            f"{environment.management}/.default",
        )
        refresh(client, args.region, args.file, "the API of Azure")

    return run_program(run, (AzureError, CredentialError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
