"""Derives problems of a cluster from facts. Every problem names the host, the cause and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from automation.operations.certificate_files import damage_problem
from automation.operations.cluster_facts import AddOnFact, NodeFact
from automation.operations.copy_facts import copy_problems, trial_problems
from automation.operations.fsync_facts import SLOW_SECONDS, fsync_text
from automation.operations.host_facts import EtcdFact, HostFacts, ServiceFact
from topology.model import Machine, Role, Topology

DISK_FULL = 95
"""Percentage of used disk space that is a serious problem. Etcd stops when the disk is full."""
DISK_FILLING = 85
"""Percentage of used disk space that is a warning. The kubelet evicts pods from this percentage on."""
EXPIRING = timedelta(days=30)
"""Remaining validity below which a certificate is a problem."""
SKEW_SECONDS = 2.0
_MEMORY_LEFT = 0.04
"""Fraction of the memory of a host. Less available memory is a warning."""
_QUOTA_BYTES = 8 * 2**30
"""Maximum size of the database of etcd in bytes."""
SCHEDULED_SERVICES = (
    *("etcd-snapshot.service", "etcd-verify.service", "etcd-defragment.service"),
    "host-metrics.service",
)
"""Services that timers start."""
_FAILED_CHECK = re.compile(r"\[-\](\S+) failed")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a host or another part of the cluster. `serious` is false for a warning."""

    subject: str
    message: str
    serious: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The observed state of a cluster.

    `hosts` maps a host to its facts, or to the reason for missing facts. `skews` maps a host to the seconds
    by which its clock is ahead. `endpoint` and `api` are empty, or the reason why the endpoint, or the API
    on every control plane, does not respond. `boot_failures` maps a machine of a cloud to the time and reason
    of its last boot failure.
    """

    hosts: Mapping[str, HostFacts | str]
    skews: Mapping[str, float] = field(default_factory=dict)
    nodes: Sequence[NodeFact] = ()
    add_ons: Sequence[AddOnFact] = ()
    endpoint: str = ""
    api: str = ""
    boot_failures: Mapping[str, str] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def facts(self) -> dict[str, HostFacts]:
        """Return the facts of the hosts that responded."""
        return {name: facts for name, facts in self.hosts.items() if isinstance(facts, HostFacts)}

    @property
    def etcd(self) -> dict[str, EtcdFact]:
        """Return the etcd members that responded, by host."""
        return {name: facts.etcd for name, facts in self.facts.items() if facts.etcd is not None}


def find_problems(topology: Topology, observed: Observation) -> list[Problem]:
    """Return all problems, problems of hosts first."""
    host_problems = [
        problem for machine in topology.machines for problem in _host_problems(machine, observed)
    ]
    return [
        *host_problems,
        *_etcd_problems(topology, observed),
        *_copy_problems(topology, observed),
        *_api_problems(observed),
        *_node_problems(topology, observed),
        *_add_on_problems(observed),
    ]


def _host_problems(machine: Machine, observed: Observation) -> Iterator[Problem]:
    facts = observed.hosts.get(machine.name, "the host was not probed")
    if isinstance(facts, str):
        yield Problem(machine.name, f"cannot be reached: {facts}")
        return
    if failure := observed.boot_failures.get(machine.name):
        yield Problem(
            machine.name,
            f"does not boot: {failure}; see `kubewright logs --host {machine.name} --unit kubewright-boot`",
        )
    finished = dict(facts.roles)
    for role in machine.roles:
        if not finished.get(role.value):
            state = "is not completely installed" if role.value in finished else "is not installed"
            yield Problem(machine.name, f"role {role.value} {state}; run `up`")
    for disk in facts.disks:
        percent = max(disk.used, disk.inodes)
        resource = "inodes" if disk.inodes > disk.used else "space"
        if percent >= DISK_FILLING:
            full = percent >= DISK_FULL
            yield Problem(
                machine.name,
                f"disk {'full' if full else 'filling'}: {percent}% of the {resource} at {disk.path} used; "
                "delete files, or enlarge the disk",
                serious=full,
            )
    yield from (_service_problem(machine.name, service) for service in facts.services if _has_failed(service))
    yield from _resource_problems(machine.name, facts, observed)


def _has_failed(service: ServiceFact) -> bool:
    """Check whether a unit is in an unexpected state. Services of timers are inactive between their runs."""
    return service.state not in ("active", "inactive", "activating", "reloading") or (
        service.state in ("inactive", "activating") and service.unit not in SCHEDULED_SERVICES
    )


def _service_problem(host: str, service: ServiceFact) -> Problem:
    reason = f" ({service.result})" if service.result not in ("", "success") else ""
    message = f": {service.messages[-1][:300]}" if service.messages else ""
    return Problem(host, f"{service.unit} is {service.state}{reason}{message}")


def _resource_problems(host: str, facts: HostFacts, observed: Observation) -> Iterator[Problem]:
    if facts.memory_total and facts.memory_available < _MEMORY_LEFT * facts.memory_total:
        available = facts.memory_available // 2**20
        yield Problem(
            host, f"memory: {available} MiB of {facts.memory_total // 2**20} MiB available", serious=False
        )
    skew = observed.skews.get(host, 0.0)
    if abs(skew) > SKEW_SECONDS:
        yield Problem(
            host,
            f"the clock is {skew:+.1f} s off; configure NTP, which certificates and leases need",
            serious=False,
        )
    yield from (Problem(host, damage_problem(host, path)) for path in facts.damaged_files)
    for certificate in facts.certificates:
        remaining = certificate.expires - observed.now
        if remaining < EXPIRING:
            state = "has expired" if remaining < timedelta(0) else f"expires in {remaining.days} days"
            yield Problem(
                host,
                f"certificate {certificate.path} {state}; renew it",
                serious=remaining < timedelta(days=7),
            )


def _etcd_problems(topology: Topology, observed: Observation) -> Iterator[Problem]:
    members = observed.etcd
    for name, member in members.items():
        if not member.healthy:
            yield Problem(name, "etcd member is not healthy: the member is down, or etcd has no quorum")
        for alarm in member.alarms:
            yield Problem(name, f"etcd alarm: {alarm}")
        if member.fsync is not None and member.fsync > SLOW_SECONDS:
            yield Problem(
                name,
                f"slow disk of etcd: 99% of its fsyncs take up to {fsync_text(member.fsync)}, and etcd "
                f"recommends at most {fsync_text(SLOW_SECONDS)}; use a faster disk, or a disk for etcd alone",
                serious=False,
            )
        if member.size > 0.8 * _QUOTA_BYTES:
            yield Problem(
                name, f"etcd uses {member.size // 2**20} MiB of {_QUOTA_BYTES // 2**20} MiB", serious=False
            )
    expected = {member.name for member in topology.etcd}
    healthy = [name for name, member in members.items() if member.healthy]
    if len(healthy) <= len(expected) // 2:
        yield Problem(
            "etcd", f"no quorum: {len(healthy)} of {len(expected)} members are healthy, so writes fail"
        )
    elif not any(member.leader for member in members.values()):
        yield Problem("etcd", "none of the members that respond is the leader", serious=False)
    listed = {name for member in members.values() for name, _ in member.members}
    if listed and listed != expected:
        missing = ", ".join(sorted(expected - listed))
        extra = ", ".join(sorted(name or "a member that never started" for name in listed - expected))
        parts = [f"lacks {missing}"] if missing else []
        parts += [f"has {extra}, which the stack file does not name"] if extra else []
        yield Problem("etcd", f"membership {' and '.join(parts)}")
    learners = sorted({name for member in members.values() for name, learner in member.members if learner})
    if learners:
        yield Problem("etcd", f"{', '.join(learners)}: still a learner without a vote", serious=False)
    versions = sorted({member.version for member in members.values() if member.version})
    if len(versions) > 1:
        yield Problem("etcd", f"members have different versions: {', '.join(versions)}", serious=False)


def _copy_problems(topology: Topology, observed: Observation) -> Iterator[Problem]:
    copies = {name: member.copies for name, member in observed.etcd.items()}
    trials = {name: member.trial for name, member in observed.etcd.items()}
    for member, message, serious in (
        *copy_problems(topology, copies, observed.now),
        *trial_problems(topology, trials, observed.now),
    ):
        yield Problem(member, message, serious=serious)


def _api_problems(observed: Observation) -> Iterator[Problem]:
    for name, facts in observed.facts.items():
        if facts.api is not None and facts.api.strip() != "ok":
            yield Problem(name, f"API server is not ready: {_shorten(facts.api) or 'no response'}")
    if observed.endpoint:
        yield Problem("endpoint", f"does not respond: {_shorten(observed.endpoint)}")
    if observed.api:
        yield Problem("api", f"the API does not respond on any control plane: {observed.api}")


def _shorten(text: str) -> str:
    """Return the failed checks in the readiness output of an API server, or the end of any other text."""
    failed = _FAILED_CHECK.findall(text)
    return f"failed: {', '.join(failed)}" if failed else text[-300:]


def _node_problems(topology: Topology, observed: Observation) -> Iterator[Problem]:
    if observed.api:
        return
    nodes = {node.name: node for node in observed.nodes}
    for machine in topology.machines:
        if Role.NODE in machine.roles and machine.name not in nodes:
            yield Problem(machine.name, "is not a node of the cluster; run `up`")
    for node in nodes.values():
        if not node.ready:
            yield Problem(node.name, f"node is not Ready: {node.reason}")
        if not node.schedulable:
            yield Problem(node.name, "node is cordoned: no new pods are scheduled to it", serious=False)
        for pressure in node.pressure:
            yield Problem(node.name, f"node has {pressure}")


def _add_on_problems(observed: Observation) -> Iterator[Problem]:
    for add_on in observed.add_ons:
        if not add_on.available:
            yield Problem("add-on", f"{add_on.name} is not available: {add_on.detail}")
