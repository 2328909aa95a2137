"""Rules about the roles of hosts: control plane, etcd member, load balancer, worker [A1]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from settings.cluster import CLOUD_SECTIONS, Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.ports import API_PORT


def host_lists(settings: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the path and the names of every list of hosts."""
    yield "control_planes.hosts", settings.control_planes.hosts
    yield "etcd.hosts", settings.etcd.hosts
    yield "load_balancers.hosts", settings.load_balancers.hosts
    for name, pool in settings.pools.items():
        yield f"pools.{name}.hosts", pool.hosts


@rule(needs=("control_planes.hosts", "etcd.hosts", "load_balancers.hosts", "pools"))
def host_lists_have_no_duplicates(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that no list contains a host twice."""
    for path, names in host_lists(rule_input.settings):
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name in seen:
                yield Problem(f"{path}[{position}]", f'"{name}"', "named twice in this list; remove one")
            seen.add(name)


@rule(needs=("control_planes.hosts",))
def control_plane_count_is_odd(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one, three or five control planes."""
    count = len(set(rule_input.settings.control_planes.hosts))
    reason = {
        0: "a cluster needs a control plane; name at least one host",
        2: "2 control planes survive no more failures than 1 does: with etcd, each failure stops both",
        4: "4 control planes survive no more failures than 3 do",
    }.get(count, f"{count} control planes make writes to etcd slower than 5")
    if count not in (1, 3, 5):
        yield Problem("control_planes.hosts", "", f"{reason}; allowed: 1, 3 or 5")


@rule(needs=("etcd.hosts",))
def etcd_member_count_is_odd(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one, three or five hosts in `etcd.hosts`, if the list is set."""
    count = len(set(rule_input.settings.etcd.hosts))
    if count and count % 2 == 0:
        quorum = count // 2 + 1
        yield Problem(
            "etcd.hosts",
            "",
            f"{count} members need {quorum} for a quorum, so they survive no more failures than {count - 1} "
            f"{'does' if count == 2 else 'do'}; allowed: 1, 3 or 5",
        )
    elif count > 5:
        yield Problem("etcd.hosts", "", f"{count} members make every write slower; allowed: 1, 3 or 5")


@rule(needs=("load_balancers.hosts",))
def load_balancer_count_is_two(rule_input: RuleInput) -> Iterator[Problem]:
    """Require two load balancers, an active one and a standby, or none."""
    count = len(set(rule_input.settings.load_balancers.hosts))
    if count not in (0, 2):
        yield Problem(
            "load_balancers.hosts", "", f"{count} named; allowed: none, or 2, an active one and its standby"
        )


@rule(needs=("control_planes.hosts", "etcd.hosts", "load_balancers.hosts", "pools"))
def load_balancers_have_no_other_role(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the hosts of load balancers have no other role, so that they do not fail together."""
    settings = rule_input.settings
    others: dict[str, Sequence[str]] = {
        "a control plane": settings.control_planes.hosts,
        "an etcd member": settings.etcd.hosts,
        "a worker": settings.worker_hosts,
    }
    for position, name in enumerate(settings.load_balancers.hosts):
        shared = [what for what, names in others.items() if name in names]
        if shared:
            yield Problem(
                f"load_balancers.hosts[{position}]",
                f'"{name}"',
                f"also {' and '.join(shared)}; a load balancer needs its own host",
            )


@rule(needs=("control_planes.hosts", "pools"))
def nodes_have_one_pool(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that every node is either a control plane or in exactly one pool."""
    pool_of: dict[str, str] = {}
    for pool, section in rule_input.settings.pools.items():
        for position, name in enumerate(section.hosts):
            path = f"pools.{pool}.hosts[{position}]"
            if name in rule_input.settings.control_planes.hosts:
                yield Problem(
                    path,
                    f'"{name}"',
                    "a control plane, which is already a node; to run workloads there set "
                    "control_planes.schedulable",
                )
            elif pool_of.setdefault(name, pool) != pool:
                yield Problem(path, f'"{name}"', f"also in pool {pool_of[name]}; a node is in one pool")


@rule(needs=("pools",))
def pool_names_are_not_reserved(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the name `control-plane`, because the pool of the control planes has it."""
    if "control-plane" in rule_input.settings.pools:
        yield Problem(
            "pools.control-plane", "", "reserved for the pool of control planes; choose another name"
        )


@rule(needs=("endpoint", "control_planes.hosts", "load_balancers.hosts"), needs_valid=(*CLOUD_SECTIONS,))
def endpoint_is_set(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the setting `endpoint` for a cluster with several control planes or with load balancers."""
    settings = rule_input.settings
    if settings.cloud:
        return  # cloud_endpoint_is_dns_name checks the endpoint
    balanced = len(settings.control_planes.hosts) > 1 or bool(settings.load_balancers.hosts)
    if balanced and settings.endpoint is None:
        yield Problem(
            "endpoint",
            "",
            "missing; several control planes or load balancers need host: the load balancers' virtual "
            "address or that of an external load balancer",
        )


@rule(needs=("endpoint.host", "endpoint.port", "control_planes.hosts", "load_balancers.hosts"))
def endpoint_is_not_a_host(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the address of a host as the endpoint, unless the host is the only control plane."""
    settings = rule_input.settings
    if settings.endpoint is None or settings.metal is None:
        return
    host = settings.endpoint.host
    owner = next(
        (
            name
            for name, entry in settings.metal.hosts.items()
            if host in (name, str(entry.address), str(entry.public_address))
        ),
        "",
    )
    alone = settings.control_planes.hosts == (owner,) and not settings.load_balancers.hosts
    if owner and not alone:
        yield Problem(
            "endpoint.host",
            f'"{host}"',
            f"the host {owner}, so that its failure would stop the API; use the load balancers' address",
        )
    if owner and alone and settings.endpoint.port != API_PORT:
        yield Problem(
            "endpoint.port",
            str(settings.endpoint.port),
            f"the only control plane, {owner}, answers on {API_PORT}; allowed here: {API_PORT}",
        )
