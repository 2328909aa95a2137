"""Applies the table of checks to the facts of hosts and to the objects in the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from automation.operations.cis import policies, special
from automation.operations.cis.cluster_objects import ClusterObjects
from automation.operations.cis.facts import CisFacts
from automation.operations.cis.judges import Outcome, Verdict, judge_values
from automation.operations.cis.table import Check, Section, checks, sections
from topology.model import Role

CLUSTER = "cluster"
"""The name in place of a host for checks of objects in the API."""
_ROLES = {"control-plane": Role.CONTROL_PLANE, "etcd": Role.ETCD, "node": Role.NODE}
_WITHOUT_ROLE = {
    "control-plane": "this host is no control plane",
    "etcd": "this host is no etcd member",
    "node": "this host is no node",
}


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on a check of a host, or of the cluster (`host` is `CLUSTER`)."""

    host: str
    check: Check
    verdict: Verdict


def judge_host(
    host: str, roles: Sequence[Role], facts: CisFacts, hosts: Mapping[str, CisFacts]
) -> Iterator[Result]:
    """Yield the result of each check of hosts. `hosts` has the facts of all hosts."""
    for check in checks():
        if check.where != CLUSTER:
            yield Result(host, check, _judge_on_host(check, roles, facts, hosts))


def judge_cluster(objects: ClusterObjects) -> Iterator[Result]:
    """Yield the result of each check of objects in the API."""
    for check in checks():
        if check.where == CLUSTER:
            manual = Verdict(Outcome.WARN, check.manual)
            verdict = manual if check.manual else policies.JUDGES[check.judge](check, objects)
            yield Result(CLUSTER, check, verdict)


def inapplicable_sections(roles: Sequence[Role]) -> Iterator[tuple[Section, str]]:
    """Yield the sections of hosts of which no check applies to these roles, with the reason."""
    for section in sections():
        places = {check.where for check in section.checks}
        if CLUSTER not in places and not any(_ROLES[place] in roles for place in places):
            yield section, _WITHOUT_ROLE[section.checks[0].where]


def _judge_on_host(
    check: Check, roles: Sequence[Role], facts: CisFacts, hosts: Mapping[str, CisFacts]
) -> Verdict:
    if _ROLES[check.where] not in roles:
        return Verdict(Outcome.NOT_APPLICABLE, _WITHOUT_ROLE[check.where])
    if check.manual:
        return Verdict(Outcome.WARN, check.manual)
    if check.judge:
        return special.JUDGES[check.judge](check, facts, hosts)
    return judge_values(check, facts)
