"""Checks of Azure limits before resources are created: names, sizes, quotas, custom data. Imports no SDK."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from providers.azure.firewall import FIRST_PRIORITY, LAST_PRIORITY, rules_by_group
from providers.azure.names import status_container_name
from providers.azure.pools import autoscaler_tags, batch_percent
from providers.azure.store import ip_rules
from providers.azure.type_limits import type_problems, vcpus
from providers.cloud.machine_config import POOLS
from providers.cloud.machines import member_vcpus, oversized_programs
from providers.cloud.zones import zone_parts
from settings.azure import AzureSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Topology
from topology.ports import API_PORT

MAX_CUSTOM_DATA_BYTES = 65_535
"""Maximum size of custom data before base64 encoding
(learn.microsoft.com/azure/virtual-machines/custom-data).
"""
MAX_NODES_PER_SET = 1_000
"""Maximum size of a scale set with a marketplace image."""
MAX_NODES_PER_SET_CUSTOM_IMAGE = 600
"""Maximum size of a scale set with a custom image."""
MAX_TAGS = 50
"""Maximum number of tags of a resource."""
MAX_DNS_TAGS = 15
"""Maximum number of tags of a private DNS zone."""
MAX_NAME_CHARACTERS = 40
"""Maximum length of the cluster name: the backup vault name has at most 50 characters with its suffix."""
MAX_STORE_RULES = 400
"""Maximum number of IP rules in the firewall of a storage account."""

_NOT_IN_DISK_TAG_NAMES = re.compile(r"[.=]")


def problems(settings: Settings, azure: AzureSettings, topology: Topology) -> list[Problem]:
    """Return a problem for each setting that Azure would reject."""
    return [
        *_name_problems(topology),
        *_endpoint_problems(topology),
        *_network_problems(azure, topology),
        *type_problems(settings, azure),
        *_tag_problems(azure),
        *_pool_problems(azure, topology),
        *_ingress_rule_problems(azure, topology),
        *_vcpu_problems(settings, azure, topology),
        *_address_problems(azure),
    ]


def warnings(settings: Settings, azure: AzureSettings, topology: Topology) -> list[str]:
    """Return warnings about quotas that suffice now, but not for the maximum size of every pool."""
    messages = []
    for spot, key, quota in _vcpu_quotas(azure):
        max_needed = _needed_vcpus(settings, azure, topology, spot=spot, max_size=True)
        if _needed_vcpus(settings, azure, topology, spot=spot, max_size=False) <= quota < max_needed:
            messages.append(
                f"azure.quotas.{key}: pools need {max_needed} vCPUs during changes at their maximum size, "
                f"and the subscription has {quota}; pools stop growing at the quota"
            )
    return messages


def custom_data_problems(programs: Mapping[str, str]) -> list[Problem]:
    """Return a problem for every boot program that is too long for custom data.

    `programs` are the boot programs by name of the member or pool.
    """
    return oversized_programs(
        programs,
        MAX_CUSTOM_DATA_BYTES,
        field="custom data",
        advice="shorten the certificate authorities of azure.endpoints",
    )


def _name_problems(topology: Topology) -> Iterable[Problem]:
    if len(topology.name) > MAX_NAME_CHARACTERS:
        yield Problem(
            "name",
            topology.name,
            f"on Azure at most {MAX_NAME_CHARACTERS} characters, because names of resources contain it; "
            "shorten it",
        )
    for pool in topology.pools:
        if pool.capacity and len(status_container_name(POOLS, pool.name)) > 63:
            yield Problem(
                f"pools.{pool.name}",
                "",
                "on Azure at most 51 characters, because the name of its container contains it; shorten it",
            )


def _endpoint_problems(topology: Topology) -> Iterable[Problem]:
    if topology.endpoint.port != API_PORT:
        yield Problem(
            "endpoint.port",
            str(topology.endpoint.port),
            f"on Azure it must be {API_PORT}, because control planes reach their own API server by the "
            "endpoint's name",
        )


def _network_problems(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    if azure.network.flow_logs:
        yield Problem(
            "azure.network.flow_logs", "true", "not supported on Azure; enable flow logs in Network Watcher"
        )
    if azure.endpoints.vault:
        yield Problem(
            "azure.endpoints.vault", "", "no Key Vault is used, because payloads are blobs; remove it"
        )
    rules = ip_rules(topology.network.api_allowed)
    if azure.private_store or rules is None:
        return
    if not rules:
        yield Problem(
            "network.api_allowed",
            "",
            "only private networks, which firewalls of storage accounts cannot contain; add the public "
            "network of the deployer, or set azure.private_store and deploy from inside",
        )
    if len(rules) > MAX_STORE_RULES:
        yield Problem(
            "network.api_allowed",
            "",
            f"{len(rules)} networks; a storage account allows {MAX_STORE_RULES}; list fewer, larger networks",
        )


def _tag_problems(azure: AzureSettings) -> Iterable[Problem]:
    if len(azure.tags) >= MAX_DNS_TAGS:
        yield Problem(
            "azure.tags",
            "",
            f"{len(azure.tags)} tags; private DNS zones take {MAX_DNS_TAGS} tags, and one is the cluster's; "
            f"use at most {MAX_DNS_TAGS - 1}",
        )
    for name in azure.tags if azure.addons.storage else ():
        if _NOT_IN_DISK_TAG_NAMES.search(name):
            yield Problem(
                f"azure.tags.{name}",
                "",
                "the disk driver refuses names of tags with a dot or an equals sign; rename the tag, or set "
                "azure.addons.storage: false",
            )


def _pool_problems(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    max_nodes = MAX_NODES_PER_SET_CUSTOM_IMAGE if azure.image.id else MAX_NODES_PER_SET
    for pool in topology.pools:
        if pool.capacity is None:
            continue
        parts = zone_parts(pool.capacity, azure.zone_count)
        if max(part.max_size for part in parts) > max_nodes:
            yield Problem(
                f"pools.{pool.name}.size.max",
                str(pool.capacity.max_size),
                f"a scale set has at most {max_nodes} nodes, and a pool has one in each of "
                f"{azure.zone_count} zones: {max_nodes * azure.zone_count} nodes; create a second pool",
            )
        tags = {*azure.tags, *autoscaler_tags(topology.name, pool, parts[0])}
        # One more tag: the tag of the cluster.
        if len(tags) + 1 > MAX_TAGS:
            yield Problem(
                f"pools.{pool.name}.labels",
                "",
                f"labels, taints and azure.tags need more than {MAX_TAGS} tags; use fewer",
            )


def _ingress_rule_problems(azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    priorities = (LAST_PRIORITY - FIRST_PRIORITY) // 10 + 1
    for group, rules in rules_by_group(topology).items():
        if len(rules) > priorities or len(rules) + 1 > azure.quotas.rules_per_group:
            allowed = min(priorities, azure.quotas.rules_per_group - 1)
            yield Problem(
                "azure.quotas.rules_per_group",
                "",
                f"the security group {group} needs {len(rules)} rules; {allowed} are possible; list "
                "fewer networks",
            )
        if any(len(rule.sources) > 4_000 for rule in rules):
            yield Problem(
                "network.api_allowed",
                "",
                "a security group allows 4,000 networks; list fewer, larger networks",
            )


def _vcpu_problems(settings: Settings, azure: AzureSettings, topology: Topology) -> Iterable[Problem]:
    for spot, key, quota in _vcpu_quotas(azure):
        needed = _needed_vcpus(settings, azure, topology, spot=spot, max_size=False)
        if needed > quota:
            yield Problem(
                f"azure.quotas.{key}",
                str(quota),
                f"the {'spot' if spot else 'regular'} machines of the cluster need {needed} vCPUs during "
                f"changes of pools; raise the quota of {azure.location} and change this setting, or request "
                "fewer machines",
            )


def _vcpu_quotas(azure: AzureSettings) -> tuple[tuple[bool, str, int], ...]:
    return (False, "vcpus", azure.quotas.vcpus), (True, "spot_vcpus", azure.quotas.spot_vcpus)


def _needed_vcpus(
    settings: Settings, azure: AzureSettings, topology: Topology, *, spot: bool, max_size: bool
) -> int:
    """Return the number of vCPUs of all spot machines, or of all other machines if `spot` is false.

    Each pool counts with its minimum size or, with `max_size`, with its maximum size, and with the additional
    nodes during an upgrade. A machine size with an unknown number of vCPUs counts as 0.
    """
    total = 0 if spot else member_vcpus(settings, vcpus)
    for pool in topology.pools:
        if pool.capacity is not None and pool.capacity.spot == spot:
            each = vcpus(pool.capacity.types[0]) or 0
            for part in zone_parts(pool.capacity, azure.zone_count):
                nodes = part.max_size if max_size else part.min_size
                surge = math.ceil(nodes * batch_percent(pool.max_unavailable, part) / 100)
                total += each * (nodes + surge)
    return total


def _address_problems(azure: AzureSettings) -> Iterable[Problem]:
    needed = int(azure.network.nat and not azure.network.id) + int(azure.endpoint.public)
    if needed > azure.quotas.addresses:
        yield Problem(
            "azure.quotas.addresses",
            str(azure.quotas.addresses),
            f"{needed} public addresses are needed; raise the quota",
        )
