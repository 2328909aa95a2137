"""`status`: hosts, services, etcd, certificates, nodes and add-ons at one look [J5]."""

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
from automation.operations import cluster_facts, facts
from automation.operations.cluster_facts import AddOnFact, ApiUnavailable, NodeFact
from automation.operations.facts import HostFacts
from automation.operations.health import Finding, Observed, findings
from automation.operations.remote import PARALLEL, Remote
from automation.operations.target import Target
from formats.quantity import format_bytes
from topology.model import Machine, Role, Topology

_SECONDS = 45


def status(target: Target) -> int:
    """Looks at everything and prints it. Returns 1 when something serious is wrong."""
    observed = observe(target)
    found = findings(target.topology, observed)
    console().print(report(target.topology, observed, found))
    return 1 if any(finding.serious for finding in found) else 0


def observe(target: Target) -> Observed:
    """The cluster as it is now: all hosts side by side, then the API."""
    hosts, skews = probe(target.remote, target.hosts)
    nodes: Sequence[NodeFact] = ()
    add_ons: Sequence[AddOnFact] = ()
    api = ""
    try:
        listed, workloads, services = cluster_facts.ask(
            target.remote,
            _ready_first(target.with_role(Role.CONTROL_PLANE), hosts),
            "get nodes",
            "get deployments,daemonsets --namespace=kube-system",
            "get apiservices",
        )
        nodes, add_ons = cluster_facts.nodes(listed), cluster_facts.add_ons(workloads, services)
    except ApiUnavailable as error:
        api = str(error)
    endpoint = endpoint_answers(target.environment, target.stack)
    return Observed(hosts=hosts, skews=skews, nodes=nodes, add_ons=add_ons, endpoint=endpoint, api=api)


def probe(remote: Remote, hosts: Sequence[str]) -> tuple[dict[str, HostFacts | str], dict[str, float]]:
    """What every host says of itself, or why it says nothing; and how far its clock is ahead, in seconds."""

    def one(host: str) -> tuple[HostFacts | str, float]:
        begun = time.time()
        answer = remote.run(host, _probe(), timeout=_SECONDS)
        if not answer.ok:
            return answer.reason, 0.0
        try:
            found = facts.parse(answer.output)
        except ValueError as error:
            return str(error), 0.0
        # Its clock was read between our two readings.
        ended = time.time()
        ahead = found.time - begun if found.time < begun else max(0.0, found.time - ended)
        return found, ahead

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        results = dict(zip(hosts, pool.map(one, hosts), strict=True))
    return {name: found for name, (found, _) in results.items()}, {
        name: skew for name, (_, skew) in results.items()
    }


def endpoint_answers(environment: Environment, stack: str) -> str:
    """Why the endpoint does not answer from here as people use it; empty when it does."""
    kubeconfig = environment.kubeconfig(stack)
    if not kubeconfig.exists():
        return "no kubeconfig on this machine yet; run `up`"
    argv = [str(environment.tools / "kubectl"), f"--kubeconfig={kubeconfig}", "--request-timeout=5s"]
    try:
        done = subprocess.run([*argv, "get", "--raw", "/readyz"], capture_output=True, text=True, timeout=15)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"kubectl: {error.__class__.__name__}"
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"exit code {done.returncode}")


def _ready_first(hosts: Sequence[str], found: dict[str, HostFacts | str]) -> list[str]:
    """Control planes whose API server said that it is ready come first; unreached ones not at all."""

    def ready(host: str) -> bool:
        facts = found.get(host)
        return isinstance(facts, HostFacts) and facts.api == "ok"

    reached = [host for host in hosts if isinstance(found.get(host), HostFacts)]
    return sorted(reached, key=lambda host: not ready(host))


@cache
def _probe() -> str:
    return (Path(__file__).parent / "probe.sh").read_text()


# What people see ------------------------------------------------------------------------------


def report(topology: Topology, observed: Observed, found: Sequence[Finding]) -> RenderableType:
    """The tables and, below them, what is wrong."""
    parts: list[RenderableType] = [_hosts(topology, observed), _etcd(observed)]
    if observed.nodes:
        parts.append(_nodes(topology, observed))
    if observed.add_ons:
        parts.append(_add_ons(observed))
    return Group(*parts, problems(found))


def problems(found: Sequence[Finding]) -> RenderableType:
    """What is wrong, the serious first; or that nothing is."""
    if not found:
        return Text("everything is well", style="green")
    grid = Table("", "where", "what is wrong", title="Problems", title_justify="left")
    for finding in sorted(found, key=lambda finding: not finding.serious):
        style = "red" if finding.serious else "yellow"
        grid.add_row("error" if finding.serious else "warning", finding.where, finding.what, style=style)
    return grid


def _hosts(topology: Topology, observed: Observed) -> Table:
    grid = Table(
        *("host", "address", "roles", "reached", "services", "disk", "memory free", "next expiry"),
        title=f"Cluster {topology.name}: {topology.endpoint.url}",
        title_justify="left",
    )
    for machine in topology.machines:
        grid.add_row(*_host(machine, observed.hosts.get(machine.name, ""), observed))
    return grid


def _host(machine: Machine, found: HostFacts | str, observed: Observed) -> list[str]:
    row = [machine.name, str(machine.address), " ".join(machine.roles)]
    if isinstance(found, str):
        return [*row, "no", "", "", "", ""]
    running = [service for service in found.services if not service.unit.startswith("etcd-snapshot.service")]
    active = sum(service.active for service in running)
    disk = max((max(item.used, item.inodes) for item in found.disks), default=0)
    expiry = found.nearest_expiry
    days = f"{(expiry.expires - observed.now).days} days" if expiry else ""
    return [*row, "yes", f"{active} of {len(running)}", f"{disk}%", format_bytes(found.memory_available), days]


def _etcd(observed: Observed) -> Table:
    grid = Table(
        *("etcd member", "healthy", "leader", "version", "size", "in use", "index", "newest snapshot"),
        title="etcd",
        title_justify="left",
    )
    for name, member in observed.etcd.items():
        newest = max(member.snapshots, default="none")
        grid.add_row(
            name,
            "yes" if member.healthy else "no",
            "leader" if member.leader else "",
            member.version,
            format_bytes(member.size),
            format_bytes(member.used),
            str(member.index),
            newest,
        )
    return grid


def _nodes(topology: Topology, observed: Observed) -> Table:
    pool_of = {node.name: pool.name for pool in topology.pools for node in pool.nodes}
    grid = Table("node", "pool", "ready", "kubelet", "takes pods", title="Nodes", title_justify="left")
    for node in observed.nodes:
        ready = "yes" if node.ready else "no"
        takes = "yes" if node.schedulable else "cordoned"
        grid.add_row(node.name, pool_of.get(node.name, "(in no configuration)"), ready, node.version, takes)
    return grid


def _add_ons(observed: Observed) -> Table:
    grid = Table("add-on", "available", "", title="Add-ons", title_justify="left")
    for add_on in observed.add_ons:
        grid.add_row(add_on.name, "yes" if add_on.available else "no", add_on.detail)
    return grid
