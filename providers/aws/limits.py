"""What AWS would refuse, found before anything is made: names, sizes, policies, quotas. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from providers.aws.firewall import Opening, openings
from providers.aws.identity import rights_of
from providers.aws.names import Names, identity_part, prefix, prefixes
from providers.aws.policies import document, values
from providers.cloud.machine_config import POOLS
from providers.cloud.machines import asked, member_vcpus, pools, too_long
from settings.aws import AwsSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Role, Topology

MOST_USER_DATA_BYTES = 16 * 1024
"""Before it is base64 (docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html)."""
MOST_INLINE_CHARACTERS = 10_240
"""Of all inline policies of a role together; of a managed policy 6,144 (IAM and STS quotas)."""
MOST_MANAGED_CHARACTERS = 6_144
MOST_NAME_CHARACTERS = 24
"""Of a cluster: with its account and the longest region the name of its bucket then fits into 63."""

MOST_ROLE_CHARACTERS = 64
"""Of a role's name (IAM and STS quotas)."""

_MACHINE_TYPE = re.compile(r"([a-z]+[0-9]+[a-z0-9]*(?:-[a-z0-9]+)?)\.([a-z0-9-]+)")
_ARM = re.compile(r"[a-z]+[0-9]+[a-z]*g[a-z]*")
_NO_NVME = re.compile(r"[cm][13]|[cmr]4|m2|r3|t[12]|i[23]|d2|h1|f1|x1e?|p[23]|g[23]s?|hs1|cc2|cr1")
"""Families before Nitro ("EBS volumes and NVMe" in the EBS user guide): they show no volume by its id."""
_SIZES = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_MEMBERS = ("control_planes.machine.type", "etcd.machine.type")
_MULTIPLE = re.compile(r"([0-9]+)xlarge")


def vcpus(machine_type: str) -> int | None:
    """How many vCPUs a type has, by the rule that its size follows; None where it follows none (metal)."""
    match = _MACHINE_TYPE.fullmatch(machine_type)
    if not match:
        return None
    family, size = match.groups()
    if size == "medium" and not family.startswith("t"):
        return 1
    if multiple := _MULTIPLE.fullmatch(size):
        return 4 * int(multiple.group(1))
    return _SIZES.get(size)


def problems(settings: Settings, aws: AwsSettings, topology: Topology) -> list[Problem]:
    """Everything that AWS would refuse of this cluster, as far as the settings tell."""
    names = Names(cluster=topology.name, region=aws.region, tags=aws.tags)
    return [
        *_names(names, topology),
        *_types(settings),
        *_policies(names, aws, topology),
        *_rules(aws, topology),
        *_vcpus(settings, aws),
        *_addresses(aws),
    ]


def warnings(settings: Settings, aws: AwsSettings) -> list[str]:
    """What fits now, and would not when every pool has its largest size."""
    found = []
    for spot, key, quota in _quotas(aws):
        most = _needed(settings, spot=spot, largest=True)
        if _needed(settings, spot=spot, largest=False) <= quota < most:
            found.append(
                f"aws.quotas.{key}: pools that grow to their largest size need {most} vCPUs, "
                f"and the account has {quota}; they stop growing there"
            )
    return found


def user_data_problems(programs: Mapping[str, str]) -> list[Problem]:
    """Boot programs by machine or pool that are too long for user data."""
    return too_long(
        programs, MOST_USER_DATA_BYTES, where="user data", mend="shorten the private endpoints' settings"
    )


def _names(names: Names, topology: Topology) -> Iterable[Problem]:
    if len(topology.name) > MOST_NAME_CHARACTERS:
        yield Problem(
            "name",
            topology.name,
            f"on AWS at most {MOST_NAME_CHARACTERS} characters: names of bucket and balancer carry it",
        )
    for pool in topology.pools:
        role = names.identity(identity_part(prefix(POOLS, pool.name)))
        if pool.capacity and len(role) > MOST_ROLE_CHARACTERS:
            yield Problem(
                f"pools.{pool.name}",
                "",
                f"its role {role} would have {len(role)} characters, over {MOST_ROLE_CHARACTERS}; shorten it",
            )


def _types(settings: Settings) -> Iterable[Problem]:
    for path, machine_type in asked(settings):
        match = _MACHINE_TYPE.fullmatch(machine_type)
        if not match:
            yield Problem(path, machine_type, "not an instance type such as m6i.large")
        elif _ARM.fullmatch(match.group(1)):
            yield Problem(path, machine_type, "an arm64 machine; the catalogue has amd64 binaries only")
        elif path in _MEMBERS and _NO_NVME.fullmatch(match.group(1)):
            yield Problem(
                path,
                machine_type,
                "shows no volume by its id, and a member finds its data so; use a newer family, such as m6i",
            )


def _policies(names: Names, aws: AwsSettings, topology: Topology) -> Iterable[Problem]:
    filled = values(names)
    for own in prefixes(topology):
        rights = rights_of(own, aws.addons)
        inline = sum(len(document(statements, filled)) for statements in rights.inline.values())
        if inline > MOST_INLINE_CHARACTERS:
            yield Problem(
                "aws.addons",
                "",
                f"the policies of {own} are {inline} characters, over {MOST_INLINE_CHARACTERS}",
            )
        for name, statements in rights.managed.items():
            if (size := len(document(statements, filled))) > MOST_MANAGED_CHARACTERS:
                yield Problem(
                    "aws.addons",
                    "",
                    f"the policy {name} is {size} characters, over {MOST_MANAGED_CHARACTERS}",
                )


def _rules(aws: AwsSettings, topology: Topology) -> Iterable[Problem]:
    groups = {machine.roles for machine in topology.machines} | {(Role.NODE,)}
    # The control planes' group lets the balancer's in as well; workers' get rules of services later.
    largest = max(_count(openings(topology, roles)) for roles in groups) + 1
    allowed = len(topology.network.api_allowed) + len(topology.network.machines) + aws.zone_count
    for count, path in ((largest, "network.machines"), (allowed, "network.api_allowed")):
        if count > aws.quotas.rules_per_group:
            yield Problem(
                path,
                "",
                f"a security group would have {count} rules, over the account's "
                f"{aws.quotas.rules_per_group} (aws.quotas.rules_per_group); give fewer, larger networks",
            )


def _count(rules: Iterable[Opening]) -> int:
    return sum(len(rule.networks) for rule in rules)


def _vcpus(settings: Settings, aws: AwsSettings) -> Iterable[Problem]:
    for spot, key, quota in _quotas(aws):
        needed = _needed(settings, spot=spot, largest=False)
        if needed > quota:
            kind = "spot" if spot else "on-demand"
            code = "L-34B43A08" if spot else "L-1216C47A"
            yield Problem(
                f"aws.quotas.{key}",
                str(quota),
                f"the cluster's {kind} machines have {needed} vCPUs at least; have the account's quota "
                f"{code} raised and say so here, or ask for less",
            )


def _quotas(aws: AwsSettings) -> tuple[tuple[bool, str, int], ...]:
    return (False, "vcpus", aws.quotas.vcpus), (True, "spot_vcpus", aws.quotas.spot_vcpus)


def _needed(settings: Settings, *, spot: bool, largest: bool) -> int:
    """vCPUs of the machines that there must (or, `largest`, may) be; those of unknown types count none."""
    total = 0 if spot else member_vcpus(settings, vcpus)
    for size, machine in pools(settings):
        if machine.spot == spot:
            count = size.max if largest else size.min
            total += count * max(vcpus(kind) or 0 for kind in machine.types)
    return total


def _addresses(aws: AwsSettings) -> Iterable[Problem]:
    if aws.network.vpc:
        return
    gateways = aws.zone_count if aws.network.nat == "per-zone" else 1
    if gateways > aws.quotas.addresses:
        yield Problem(
            "aws.quotas.addresses",
            str(aws.quotas.addresses),
            f"{gateways} NAT gateways need as many elastic addresses; raise L-0263D0A3, or use nat: one",
        )
    if aws.quotas.nat_gateways_per_zone < 1:
        yield Problem("aws.quotas.nat_gateways_per_zone", "0", "a NAT gateway is needed in a zone at least")
