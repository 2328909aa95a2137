"""What is wrong with a cluster, from facts: every finding names the host, the cause, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from automation.operations.cluster_facts import AddOnFact, NodeFact
from automation.operations.facts import EtcdFact, HostFacts, ServiceFact
from topology.model import Machine, Role, Topology

DISK_FULL = 95
DISK_FILLING = 85
"""Per cent of a file system; the kubelet evicts at 85 by default, etcd stops when nothing is left."""
EXPIRING = timedelta(days=30)
SKEW_SECONDS = 2.0
_MEMORY_LEFT = 0.04
_QUOTA_BYTES = 8 * 2**30
_FAILED_CHECK = re.compile(r"\[-\](\S+) failed")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. `serious` False: it works, but will not for long or not as it should."""

    where: str
    what: str
    serious: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A cluster as it was found.

    `hosts` by name: facts, or why there are none. `skews`: seconds a host's clock is ahead of ours.
    `endpoint`, `api`: why the endpoint or every control plane's API did not answer, empty if it did.
    """

    hosts: Mapping[str, HostFacts | str]
    skews: Mapping[str, float] = field(default_factory=dict)
    nodes: Sequence[NodeFact] = ()
    add_ons: Sequence[AddOnFact] = ()
    endpoint: str = ""
    api: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def facts(self) -> dict[str, HostFacts]:
        """The hosts that answered."""
        return {name: found for name, found in self.hosts.items() if isinstance(found, HostFacts)}

    @property
    def etcd(self) -> dict[str, EtcdFact]:
        """The etcd members that answered, by host."""
        return {name: found.etcd for name, found in self.facts.items() if found.etcd is not None}


def findings(topology: Topology, observed: Observed) -> list[Finding]:
    """Everything that is wrong, hosts first."""
    found = [item for machine in topology.machines for item in _host(machine, observed)]
    return [
        *found,
        *_etcd(topology, observed),
        *_api(observed),
        *_nodes(topology, observed),
        *_add_ons(observed),
    ]


def _host(machine: Machine, observed: Observed) -> Iterator[Finding]:
    facts = observed.hosts.get(machine.name, "was not asked")
    if isinstance(facts, str):
        yield Finding(machine.name, f"cannot be reached: {facts}")
        return
    finished = dict(facts.roles)
    for role in machine.roles:
        if not finished.get(role.value):
            there = "was never finished" if role.value in finished else "is not installed"
            yield Finding(machine.name, f"role {role.value} {there}; run `up`")
    for disk in facts.disks:
        worst = max(disk.used, disk.inodes)
        what = "inodes" if disk.inodes > disk.used else "space"
        if worst >= DISK_FILLING:
            full = worst >= DISK_FULL
            yield Finding(
                machine.name,
                f"disk {'full' if full else 'filling'}: {worst}% of the {what} at {disk.place} used; "
                "free some, or enlarge it",
                serious=full,
            )
    yield from (_stopped(machine.name, service) for service in facts.services if _wrong(service))
    yield from _limits(machine.name, facts, observed)


def _wrong(service: ServiceFact) -> bool:
    """What runs once and then is done is wrong only when it failed."""
    return service.state not in ("active", "inactive", "activating", "reloading") or (
        service.state in ("inactive", "activating") and not service.unit.startswith("etcd-snapshot.service")
    )


def _stopped(host: str, service: ServiceFact) -> Finding:
    why = f" ({service.result})" if service.result not in ("", "success") else ""
    said = f": {service.said[-1][:300]}" if service.said else ""
    return Finding(host, f"{service.unit} is {service.state}{why}{said}")


def _limits(host: str, facts: HostFacts, observed: Observed) -> Iterator[Finding]:
    if facts.memory_total and facts.memory_available < _MEMORY_LEFT * facts.memory_total:
        left = facts.memory_available // 2**20
        yield Finding(host, f"memory: {left} MiB of {facts.memory_total // 2**20} left", serious=False)
    skew = observed.skews.get(host, 0.0)
    if abs(skew) > SKEW_SECONDS:
        yield Finding(
            host, f"its clock is {skew:+.1f} s off; certificates and leases need NTP", serious=False
        )
    for certificate in facts.certificates:
        left_over = certificate.expires - observed.now
        if left_over < EXPIRING:
            state = "has expired" if left_over < timedelta(0) else f"expires in {left_over.days} days"
            yield Finding(
                host,
                f"certificate {certificate.path} {state}; rotate it",
                serious=left_over < timedelta(days=7),
            )


def _etcd(topology: Topology, observed: Observed) -> Iterator[Finding]:
    members = observed.etcd
    for name, member in members.items():
        if not member.healthy:
            yield Finding(name, "etcd member is not healthy: it is down, or has no quorum")
        for alarm in member.alarms:
            yield Finding(name, f"etcd alarm: {alarm}")
        if member.size > 0.8 * _QUOTA_BYTES:
            yield Finding(
                name, f"etcd uses {member.size // 2**20} MiB of its {_QUOTA_BYTES // 2**20}", serious=False
            )
    wanted = {member.name for member in topology.etcd}
    healthy = [name for name, member in members.items() if member.healthy]
    if len(healthy) <= len(wanted) // 2:
        yield Finding(
            "etcd", f"no quorum: {len(healthy)} of {len(wanted)} members healthy; nothing can be written"
        )
    elif not any(member.leader for member in members.values()):
        yield Finding("etcd", "no member that answers is the leader", serious=False)
    listed = {name for member in members.values() for name, _ in member.members}
    if listed and listed != wanted:
        lacks = ", ".join(sorted(wanted - listed))
        extra = ", ".join(sorted(name or "one that never started" for name in listed - wanted))
        parts = [f"lacks {lacks}"] if lacks else []
        parts += [f"has {extra}, which no configuration names"] if extra else []
        yield Finding("etcd", f"membership {' and '.join(parts)}")
    learners = sorted({name for member in members.values() for name, learner in member.members if learner})
    if learners:
        yield Finding("etcd", f"{', '.join(learners)} still learns and has no vote", serious=False)
    versions = sorted({member.version for member in members.values() if member.version})
    if len(versions) > 1:
        yield Finding("etcd", f"members of different versions: {', '.join(versions)}", serious=False)


def _api(observed: Observed) -> Iterator[Finding]:
    for name, facts in observed.facts.items():
        if facts.api is not None and facts.api.strip() != "ok":
            yield Finding(name, f"API server is not ready: {_condensed(facts.api) or 'no answer'}")
    if observed.endpoint:
        yield Finding("endpoint", f"does not answer: {_condensed(observed.endpoint)}")
    if observed.api:
        yield Finding("api", f"no control plane's API answers: {observed.api}")


def _condensed(text: str) -> str:
    """An API server's long list of checks as those that failed."""
    failed = _FAILED_CHECK.findall(text)
    return f"failed: {', '.join(failed)}" if failed else text[-300:]


def _nodes(topology: Topology, observed: Observed) -> Iterator[Finding]:
    if observed.api:
        return
    there = {node.name: node for node in observed.nodes}
    for machine in topology.machines:
        if Role.NODE in machine.roles and machine.name not in there:
            yield Finding(machine.name, "is no node of the cluster; run `up`")
    for node in there.values():
        if not node.ready:
            yield Finding(node.name, f"node is not Ready: {node.reason}")
        if not node.schedulable:
            yield Finding(node.name, "node is cordoned: it takes no new pods", serious=False)
        for pressure in node.pressure:
            yield Finding(node.name, f"node has {pressure}")


def _add_ons(observed: Observed) -> Iterator[Finding]:
    for add_on in observed.add_ons:
        if not add_on.available:
            yield Finding("add-on", f"{add_on.name} is not available: {add_on.detail}")
