"""The `status` command [J5]: shows hosts, services, etcd, certificates, nodes and add-ons."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.console import console
from automation.environment import Environment
from automation.operations import cluster_facts, host_facts
from automation.operations.cluster_facts import AddOnFact, ApiUnavailable, NodeFact
from automation.operations.copy_facts import CopyFact, TrialFact, age_text
from automation.operations.fsync_facts import fsync_text
from automation.operations.health import SCHEDULED_SERVICES, Observation, Problem, find_problems
from automation.operations.host_facts import HostFacts
from automation.operations.remote import PARALLEL, Remote
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from formats.quantity import format_bytes
from providers.cloud.requests import CloudFailure
from topology.model import Machine, Role, Topology

_TIMEOUT_SECONDS = 45


def status(target: Target) -> int:
    """Print the state of the cluster. Return 1 when there is a serious problem."""
    observed = observe(target)
    problems = find_problems(target.topology, observed)
    console().print(status_report(target.topology, observed, problems))
    return 1 if any(problem.serious for problem in problems) else 0


def observe(target: Target) -> Observation:
    """Collect the facts of all hosts in parallel, then the facts of the API."""
    hosts, skews = probe_hosts(target.remote, target.hosts)
    nodes: Sequence[NodeFact] = ()
    add_ons: Sequence[AddOnFact] = ()
    api = ""
    try:
        listed, services, *workloads = cluster_facts.run_queries(
            target.remote,
            _ready_first(target.with_role(Role.CONTROL_PLANE), hosts),
            "get nodes",
            "get apiservices",
            *(
                f"get deployments,daemonsets --namespace={namespace}"
                for namespace in cluster_facts.add_on_namespaces(target.topology)
            ),
        )
        nodes, add_ons = cluster_facts.parse_nodes(listed), cluster_facts.parse_add_ons(workloads, services)
    except ApiUnavailable as error:
        api = str(error)
    return Observation(
        hosts=hosts,
        skews=skews,
        nodes=nodes,
        add_ons=add_ons,
        endpoint=endpoint_problem(target.environment, target.stack),
        api=api,
        boot_failures=boot_failures(target.remote, target.hosts),
    )


def boot_failures(remote: Remote, hosts: Sequence[str]) -> dict[str, str]:
    """Return the time and reason of the last boot failure of machines in a cloud that have not booted."""
    if not isinstance(remote, StoreRemote):
        return {}

    def read_failure(host: str) -> str:
        try:
            return remote.boot_failure(host)
        except CloudFailure:
            return ""  # the probe of this machine has the reason

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        failures = dict(zip(hosts, pool.map(read_failure, hosts), strict=True))
    return {host: failure.partition("\n")[0] for host, failure in failures.items() if failure}


def probe_hosts(remote: Remote, hosts: Sequence[str]) -> tuple[dict[str, HostFacts | str], dict[str, float]]:
    """Return the facts of every host, or the reason for missing facts, and the clock skew in seconds."""

    def probe_host(host: str) -> tuple[HostFacts | str, float]:
        start = time.time()
        result = remote.run(host, _probe_script(), timeout=_TIMEOUT_SECONDS)
        if not result.ok:
            return result.reason, 0.0
        try:
            parsed = host_facts.parse_probe(result.output)
        except ValueError as error:
            return str(error), 0.0
        # The host read its clock at a time between `start` and `end`.
        end = time.time()
        ahead = parsed.time - start if parsed.time < start else max(0.0, parsed.time - end)
        return parsed, ahead

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        results = dict(zip(hosts, pool.map(probe_host, hosts), strict=True))
    return {name: parsed for name, (parsed, _) in results.items()}, {
        name: skew for name, (_, skew) in results.items()
    }


def endpoint_problem(environment: Environment, stack: str) -> str:
    """Return the reason why the endpoint does not respond to this machine; empty if the endpoint responds."""
    kubeconfig = environment.kubeconfig(stack)
    if not kubeconfig.exists():
        return "no kubeconfig on this machine yet; run `up`"
    argv = [str(environment.tools / "kubectl"), f"--kubeconfig={kubeconfig}", "--request-timeout=5s"]
    try:
        completed = subprocess.run(
            [*argv, "get", "--raw", "/readyz"], capture_output=True, text=True, timeout=15
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"kubectl: {error.__class__.__name__}"
    lines = (completed.stderr or completed.stdout).strip().splitlines()
    return "" if completed.returncode == 0 else (lines[-1] if lines else f"exit code {completed.returncode}")


def _ready_first(hosts: Sequence[str], facts_by_host: dict[str, HostFacts | str]) -> list[str]:
    """Return the reachable control planes, sorted so that hosts with a ready API server come first."""

    def is_ready(host: str) -> bool:
        facts = facts_by_host.get(host)
        return isinstance(facts, HostFacts) and facts.api == "ok"

    reached = [host for host in hosts if isinstance(facts_by_host.get(host), HostFacts)]
    return sorted(reached, key=lambda host: not is_ready(host))


@cache
def _probe_script() -> str:
    return (Path(__file__).parent / "probe.sh").read_text()


# Tables ---------------------------------------------------------------------------------------


def status_report(topology: Topology, observed: Observation, problems: Sequence[Problem]) -> RenderableType:
    """Return the tables of all sections, followed by the problems."""
    tables: list[RenderableType] = [_host_table(topology, observed), _etcd_table(topology, observed)]
    if topology.snapshots.copy_targets:
        tables.append(_copy_table(topology, observed))
    if observed.nodes:
        tables.append(_node_table(topology, observed))
    if observed.add_ons:
        tables.append(_add_on_table(observed))
    return Group(*tables, problem_table(problems))


def problem_table(problems: Sequence[Problem]) -> RenderableType:
    """Return a table of the problems, serious problems first."""
    if not problems:
        return Text("no problems found", style="green")
    table = Table("severity", "where", "problem", title="Problems", title_justify="left")
    for problem in sorted(problems, key=lambda problem: not problem.serious):
        style = "red" if problem.serious else "yellow"
        table.add_row(
            "error" if problem.serious else "warning", problem.subject, problem.message, style=style
        )
    return table


def _host_table(topology: Topology, observed: Observation) -> Table:
    table = Table(
        *("host", "address", "roles", "reachable", "services", "disk", "memory free", "next expiry"),
        title=f"Cluster {topology.name}: {topology.endpoint.url}",
        title_justify="left",
    )
    for machine in topology.machines:
        table.add_row(*_host_row(machine, observed.hosts.get(machine.name, ""), observed))
    return table


def _host_row(machine: Machine, facts: HostFacts | str, observed: Observation) -> list[str]:
    row = [machine.name, str(machine.address), " ".join(machine.roles)]
    if isinstance(facts, str):
        return [*row, "no", "", "", "", ""]
    running = [service for service in facts.services if service.unit not in SCHEDULED_SERVICES]
    active = sum(service.active for service in running)
    disk = max((max(item.used, item.inodes) for item in facts.disks), default=0)
    expiry = facts.nearest_expiry
    days = f"{(expiry.expires - observed.now).days} days" if expiry else ""
    return [
        *row,
        "yes",
        f"{active} of {len(running)}",
        f"{disk}%",
        format_bytes(facts.memory_available),
        days,
    ]


def _etcd_table(topology: Topology, observed: Observation) -> Table:
    table = Table(
        *("etcd member", "healthy", "leader", "version", "size", "in use", "fsync", "index"),
        "newest snapshot",
        *(("trial restore",) if topology.snapshots.verify else ()),
        title="etcd",
        title_justify="left",
    )
    for name, member in observed.etcd.items():
        newest = max(member.snapshots, default="none")
        table.add_row(
            name,
            "yes" if member.healthy else "no",
            "leader" if member.leader else "",
            member.version,
            format_bytes(member.size),
            format_bytes(member.used),
            fsync_text(member.fsync),
            str(member.index),
            newest,
            *((_trial_text(member.trial, observed),) if topology.snapshots.verify else ()),
        )
    return table


def _trial_text(trial: TrialFact, observed: Observation) -> str:
    if trial.failed is not None:
        return "failed"
    return f"{age_text(observed.now - trial.verified)} ago" if trial.verified else "none"


def _copy_table(topology: Topology, observed: Observation) -> Table:
    table = Table(
        *("target", "etcd member", "last copy", "age", "size", "since then"),
        title="Copies of snapshots",
        title_justify="left",
    )
    for target in topology.snapshots.copy_targets:
        for name, member in observed.etcd.items():
            found = [copy for copy in member.copies if copy.target == target]
            copy = found[0] if found else CopyFact(target)
            age = age_text(observed.now - copy.copied) if copy.copied else ""
            size = format_bytes(copy.size) if copy.copied else ""
            result = f"failed: {copy.reason}" if copy.failed else ""
            table.add_row(target, name, copy.name or "none", age, size, result)
    return table


def _node_table(topology: Topology, observed: Observation) -> Table:
    pool_of = {node.name: pool.name for pool in topology.pools for node in pool.nodes}
    table = Table("node", "pool", "ready", "kubelet", "schedulable", title="Nodes", title_justify="left")
    for node in observed.nodes:
        ready = "yes" if node.ready else "no"
        pool = pool_of.get(node.name, "not in the stack file")
        table.add_row(node.name, pool, ready, node.version, _schedulable(node))
    return table


def _schedulable(node: NodeFact) -> str:
    """Return "yes", "no", or the taints that new pods on the node must tolerate."""
    if not node.schedulable:
        return "no: cordoned"
    return f"only pods that tolerate {', '.join(node.taints)}" if node.taints else "yes"


def _add_on_table(observed: Observation) -> Table:
    table = Table("add-on", "available", "detail", title="Add-ons", title_justify="left")
    for add_on in observed.add_ons:
        table.add_row(add_on.name, "yes" if add_on.available else "no", add_on.detail)
    return table
