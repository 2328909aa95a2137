"""Checks of AWS limits before any resource is created: names, sizes, policies, quotas. Imports no SDK."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from providers.aws.firewall import IngressRule, ingress_rules
from providers.aws.group_names import group_suffix
from providers.aws.identity import permissions_of
from providers.aws.names import Names, identity_name, store_prefix, store_prefixes
from providers.aws.pod_roles import pod_role_problems
from providers.aws.policies import policy_document, template_values
from providers.aws.texts import tag_problem
from providers.aws.type_limits import type_problems, vcpus
from providers.cloud.machine_config import POOLS, etcd_kind
from providers.cloud.machines import member_vcpus, oversized_programs, pool_machines
from settings.aws import AwsSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Role, Topology
from topology.subnets import MAX_ZONES

MAX_USER_DATA_BYTES = 16 * 1024
"""Maximum size of user data before base64 encoding
(docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html).
"""
MAX_INLINE_CHARACTERS = 10_240
"""Maximum size of all inline policies of a role together (IAM and STS quotas)."""
MAX_MANAGED_CHARACTERS = 6_144
"""Maximum size of a managed policy (IAM and STS quotas)."""
MAX_NAME_CHARACTERS = 24
"""Maximum length of the cluster name: with account and the longest region, the bucket name has at most 63
characters.
"""
MAX_ROLE_CHARACTERS = 64
"""Maximum length of the name of a role (IAM and STS quotas)."""


def problems(settings: Settings, aws: AwsSettings, topology: Topology) -> list[Problem]:
    """Return a problem for each setting that AWS would reject."""
    names = Names(cluster=topology.name, region=aws.region, tags=aws.tags)
    return [
        *_name_problems(names, topology),
        *_tag_problems(aws),
        *type_problems(settings, aws),
        *_policy_problems(names, aws, topology, artifacts=bool(settings.artifacts.store)),
        *_ingress_rule_problems(aws, topology),
        *_vcpu_problems(settings, aws),
        *_address_problems(aws),
        *pod_role_problems(aws, names, max_role=MAX_ROLE_CHARACTERS, max_inline=MAX_INLINE_CHARACTERS),
    ]


def warnings(settings: Settings, aws: AwsSettings) -> list[str]:
    """Return warnings about quotas that suffice now, but not for the maximum size of every pool."""
    messages = []
    for spot, key, quota in _vcpu_quotas(aws):
        max_needed = _needed_vcpus(settings, spot=spot, max_size=True)
        if _needed_vcpus(settings, spot=spot, max_size=False) <= quota < max_needed:
            messages.append(
                f"aws.quotas.{key}: pools need {max_needed} vCPUs at their maximum size, "
                f"and the account has {quota}; pools stop growing at the quota"
            )
    return messages


def user_data_problems(programs: Mapping[str, str]) -> list[Problem]:
    """Return a problem for every boot program that is too long for user data.

    `programs` are the boot programs by name of the member or pool.
    """
    return oversized_programs(
        programs, MAX_USER_DATA_BYTES, field="user data", advice="shorten the settings of private endpoints"
    )


def _name_problems(names: Names, topology: Topology) -> Iterable[Problem]:
    if len(topology.name) > MAX_NAME_CHARACTERS:
        yield Problem(
            "name",
            topology.name,
            f"on AWS at most {MAX_NAME_CHARACTERS} characters, because the names of bucket and load balancer "
            "contain it; shorten it",
        )
    if names.name("").startswith("internal-"):
        yield Problem(
            "name",
            topology.name,
            "on AWS not `internal` or `internal-…`, because names of load balancers must not start so; "
            "choose another name",
        )
    for pool in topology.pools:
        role = names.role_name(identity_name(store_prefix(POOLS, pool.name)))
        if pool.capacity and len(role) > MAX_ROLE_CHARACTERS:
            yield Problem(
                f"pools.{pool.name}",
                "",
                f"the name of its role, {role}, has {len(role)} characters, over {MAX_ROLE_CHARACTERS}; "
                "shorten it",
            )
    yield from _group_name_problems(topology, names)


def _group_name_problems(topology: Topology, names: Names) -> Iterable[Problem]:
    """Refuse a pool whose group has the name of the group of another pool in a later zone."""
    pools = [pool.name for pool in topology.pools if pool.capacity]
    later = {group_suffix(pool, zone): pool for pool in pools for zone in range(1, MAX_ZONES)}
    for pool in pools:
        if other := later.get(group_suffix(pool, 0)):
            yield Problem(
                f"pools.{pool}",
                "",
                f"its machine group would have the name {names.name(group_suffix(pool, 0))} of a group of "
                f"the pool {other}; choose another name",
            )


def _tag_problems(aws: AwsSettings) -> Iterable[Problem]:
    for key, value in aws.tags.items():
        if reason := tag_problem(key, value):
            yield Problem(f"aws.tags.{key}", value, reason)


def _policy_problems(
    names: Names, aws: AwsSettings, topology: Topology, *, artifacts: bool
) -> Iterable[Problem]:
    region = aws.snapshot_copies.region if aws.snapshot_copies else ""
    values = template_values(names, copies_region=region)
    for prefix in store_prefixes(topology):
        granted = permissions_of(
            prefix,
            aws.addons,
            aws.disk_key,
            aws.image_registries,
            artifacts=artifacts,
            copies=bool(region) and prefix == etcd_kind(topology),
            file_storage=aws.file_storage is not None,
        )
        inline = sum(len(policy_document(statements, values)) for statements in granted.inline.values())
        if inline > MAX_INLINE_CHARACTERS:
            yield Problem(
                "aws.addons",
                "",
                f"the inline policies of {prefix} have {inline} characters; at most {MAX_INLINE_CHARACTERS} "
                "are allowed; disable an add-on, or name fewer aws.image_registries",
            )
        for name, statements in granted.managed.items():
            if (size := len(policy_document(statements, values))) > MAX_MANAGED_CHARACTERS:
                yield Problem(
                    "aws.addons",
                    "",
                    f"the policy {name} has {size} characters; at most {MAX_MANAGED_CHARACTERS} are allowed; "
                    "disable the add-on",
                )


def _ingress_rule_problems(aws: AwsSettings, topology: Topology) -> Iterable[Problem]:
    groups = {machine.roles for machine in topology.machines} | {(Role.NODE,)}
    # One more rule: the group of control planes allows the load balancer, the group of workers the rules of
    # services.
    group_rules = max(_count_rules(ingress_rules(topology, roles)) for roles in groups) + 1
    api_rules = len(topology.network.api_allowed) + len(topology.network.machines) + aws.zone_count
    for count, path in ((group_rules, "network.machines"), (api_rules, "network.api_allowed")):
        if count > aws.quotas.rules_per_group:
            yield Problem(
                path,
                "",
                f"a security group needs {count} rules; the account allows {aws.quotas.rules_per_group} "
                "(aws.quotas.rules_per_group); list fewer, larger networks",
            )


def _count_rules(rules: Iterable[IngressRule]) -> int:
    return sum(len(rule.networks) for rule in rules)


def _vcpu_problems(settings: Settings, aws: AwsSettings) -> Iterable[Problem]:
    for spot, key, quota in _vcpu_quotas(aws):
        needed = _needed_vcpus(settings, spot=spot, max_size=False)
        if needed > quota:
            kind = "spot" if spot else "on-demand"
            code = "L-34B43A08" if spot else "L-1216C47A"
            yield Problem(
                f"aws.quotas.{key}",
                str(quota),
                f"the {kind} machines of the cluster need at least {needed} vCPUs; raise the quota {code} of "
                "the account and change this setting, or request fewer machines",
            )


def _vcpu_quotas(aws: AwsSettings) -> tuple[tuple[bool, str, int], ...]:
    return (False, "vcpus", aws.quotas.vcpus), (True, "spot_vcpus", aws.quotas.spot_vcpus)


def _needed_vcpus(settings: Settings, *, spot: bool, max_size: bool) -> int:
    """Return the number of vCPUs of all spot machines, or of all other machines if `spot` is false.

    Each pool counts with its minimum size or, with `max_size`, with its maximum size. A machine type with an
    unknown number of vCPUs counts as 0.
    """
    total = 0 if spot else member_vcpus(settings, vcpus)
    for size, machine in pool_machines(settings):
        if machine.spot == spot:
            count = size.max if max_size else size.min
            total += count * max(vcpus(kind) or 0 for kind in machine.types)
    return total


def _address_problems(aws: AwsSettings) -> Iterable[Problem]:
    if aws.network.vpc:
        return
    gateways = aws.zone_count if aws.network.nat == "per-zone" else 1
    if gateways > aws.quotas.addresses:
        yield Problem(
            "aws.quotas.addresses",
            str(aws.quotas.addresses),
            f"{gateways} NAT gateways need {gateways} Elastic IP addresses; raise the quota L-0263D0A3, "
            "or use nat: one",
        )
    if aws.quotas.nat_gateways_per_zone < 1:
        yield Problem(
            "aws.quotas.nat_gateways_per_zone", "0", "at least one NAT gateway is needed; raise the quota"
        )
