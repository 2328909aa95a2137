"""What Azure would refuse, found before anything is made: names, sizes, quotas, custom data. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from providers.azure.firewall import FIRST_PRIORITY, LAST_OWN_PRIORITY, groups
from providers.azure.names import status_container
from providers.azure.pools import autoscaler_tags, batch_percent, parts
from providers.azure.store import ip_rules
from providers.cloud.machine_config import POOLS
from providers.cloud.machines import asked, member_vcpus, too_long
from settings.azure import AzureSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Topology

MOST_CUSTOM_DATA_BYTES = 65_535
"""Before it is base64 (learn.microsoft.com/azure/virtual-machines/custom-data)."""
MOST_NODES_OF_A_SET = 1_000
"""Of a scale set with an image of the marketplace; 600 with one's own."""
MOST_TAGS = 50
MOST_NAME_CHARACTERS = 40
"""Of a cluster: the vault of snapshots has the shortest names, 50 characters with what is added."""
MOST_STORE_RULES = 400
API_PORT = 6443

# Standard_D4s_v5: family, vCPUs, features; Standard_D8-4s_v5 has four of eight.
_SIZE = re.compile(r"Standard_[A-Z]{1,3}([0-9]+)(?:-([0-9]+))?([a-z]*)(?:_[A-Za-z0-9_]+)?")


def vcpus(size: str) -> int | None:
    """How many vCPUs a machine size has, by its name; None where it follows no rule."""
    match = _SIZE.fullmatch(size)
    return int(match.group(2) or match.group(1)) if match else None


def problems(settings: Settings, azure: AzureSettings, topology: Topology) -> list[Problem]:
    """Everything that Azure would refuse of this cluster, as far as the settings tell."""
    return [
        *_names(topology),
        *_endpoint(topology),
        *_network(azure, topology),
        *_sizes(settings),
        *_pools(azure, topology),
        *_rules(azure, topology),
        *_vcpus(settings, azure, topology),
        *_addresses(azure),
    ]


def warnings(settings: Settings, azure: AzureSettings, topology: Topology) -> list[str]:
    """What fits now, and would not when every pool has its largest size."""
    found = []
    for spot, key, quota in _quotas(azure):
        most = _needed(settings, azure, topology, spot=spot, largest=True)
        if _needed(settings, azure, topology, spot=spot, largest=False) <= quota < most:
            found.append(
                f"azure.quotas.{key}: pools that grow to their largest size need {most} vCPUs while they "
                f"change, and the subscription has {quota}; they stop growing there"
            )
    return found


def custom_data_problems(programs: Mapping[str, str]) -> list[Problem]:
    """Boot programs by machine or pool that are too long for custom data."""
    return too_long(
        programs,
        MOST_CUSTOM_DATA_BYTES,
        where="custom data",
        mend="shorten the authorities of azure.endpoints",
    )


def _names(topology: Topology) -> Iterable[Problem]:
    if len(topology.name) > MOST_NAME_CHARACTERS:
        yield Problem(
            "name",
            topology.name,
            f"on Azure at most {MOST_NAME_CHARACTERS} characters: names of resources begin with it",
        )
    for pool in topology.pools:
        if pool.capacity and len(status_container(POOLS, pool.name)) > 63:
            yield Problem(f"pools.{pool.name}", "", "a name of at most 51 characters: its container has it")


def _endpoint(topology: Topology) -> Iterable[Problem]:
    if topology.endpoint.port != API_PORT:
        yield Problem(
            "endpoint.port",
            str(topology.endpoint.port),
            f"on Azure it is {API_PORT}: control planes reach their own API server by the endpoint's name",
        )


def _network(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    if azure.network.flow_logs:
        yield Problem(
            "azure.network.flow_logs", "true", "is AWS's; on Azure switch them on in Network Watcher"
        )
    if azure.endpoints.vault:
        yield Problem("azure.endpoints.vault", "", "no Key Vault is used: payloads are blobs; leave it out")
    rules = ip_rules(topology.network.api_allowed)
    if azure.private_store or rules is None:
        return
    if not rules:
        yield Problem(
            "network.api_allowed",
            "",
            "only private networks, by which a storage account knows nobody: add the deployer's public one, "
            "or set azure.private_store and deploy from inside",
        )
    if len(rules) > MOST_STORE_RULES:
        yield Problem(
            "network.api_allowed", "", f"{len(rules)} networks; a storage account takes {MOST_STORE_RULES}"
        )


def _sizes(settings: Settings) -> Iterable[Problem]:
    for path, size in asked(settings):
        match = _SIZE.fullmatch(size)
        if not match:
            yield Problem(path, size, "not a machine size such as Standard_D2s_v5")
        elif "p" in match.group(3):
            yield Problem(path, size, "an arm64 machine; the catalogue has amd64 binaries only")
        elif "s" not in match.group(3):
            yield Problem(path, size, "takes no premium disks; choose one with an s, such as Standard_D2s_v5")


def _pools(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    most = MOST_NODES_OF_A_SET if not azure.image.id else 600
    for pool in topology.pools:
        if pool.capacity is None:
            continue
        spread = parts(pool.capacity, azure.zone_count)
        if max(part.most for part in spread) > most:
            yield Problem(
                f"pools.{pool.name}.size.max",
                str(pool.capacity.max_size),
                f"a scale set has {most} nodes at most, and a pool one in each of {azure.zone_count} zones: "
                f"{most * azure.zone_count}; make a second pool",
            )
        tags = {*azure.tags, *autoscaler_tags(topology.name, pool, spread[0])}
        # One more is the cluster's.
        if len(tags) + 1 > MOST_TAGS:
            yield Problem(
                f"pools.{pool.name}.labels",
                "",
                f"labels, taints and azure.tags are more than {MOST_TAGS} tags",
            )


def _rules(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    places = (LAST_OWN_PRIORITY - FIRST_PRIORITY) // 10 + 1
    for group, rules in groups(topology).items():
        if len(rules) > places or len(rules) + 1 > azure.quotas.rules_per_group:
            allowed = min(places, azure.quotas.rules_per_group - 1)
            yield Problem(
                "azure.quotas.rules_per_group",
                "",
                f"the group {group} needs {len(rules)} rules; {allowed} fit",
            )
        if any(len(rule.sources) > 4_000 for rule in rules):
            yield Problem("network.api_allowed", "", "a security group takes 4,000 networks in all")


def _vcpus(settings: Settings, azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    for spot, key, quota in _quotas(azure):
        needed = _needed(settings, azure, topology, spot=spot, largest=False)
        if needed > quota:
            yield Problem(
                f"azure.quotas.{key}",
                str(quota),
                f"the cluster's {'spot' if spot else 'regular'} machines have {needed} vCPUs with what a "
                f"change of their pools needs; have the quota of {azure.location} raised and say so here, "
                "or ask for less",
            )


def _quotas(azure: AzureSettings) -> tuple[tuple[bool, str, int], ...]:
    return (False, "vcpus", azure.quotas.vcpus), (True, "spot_vcpus", azure.quotas.spot_vcpus)


def _needed(
    settings: Settings, azure: AzureSettings, topology: Topology, *, spot: bool, largest: bool
) -> int:
    """vCPUs of the machines that there must (or, `largest`, may) be, and of new nodes beside old ones."""
    total = 0 if spot else member_vcpus(settings, vcpus)
    for pool in topology.pools:
        if pool.capacity is not None and pool.capacity.spot == spot:
            each = vcpus(pool.capacity.types[0]) or 0
            for part in parts(pool.capacity, azure.zone_count):
                nodes = part.most if largest else part.least
                surge = math.ceil(nodes * batch_percent(pool.max_unavailable, part) / 100)
                total += each * (nodes + surge)
    return total


def _addresses(azure: AzureSettings) -> Iterable[Problem]:
    needed = int(azure.network.nat and not azure.network.id) + int(azure.endpoint.public)
    if needed > azure.quotas.addresses:
        yield Problem(
            "azure.quotas.addresses", str(azure.quotas.addresses), f"{needed} public addresses are needed"
        )
