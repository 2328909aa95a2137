"""The `diagnose` command [J5]: the checks of `status`, and checks of DNS, Services, pods and events."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from automation.console import console
from automation.operations import cluster_facts, status
from automation.operations.cluster_facts import ApiUnavailable
from automation.operations.health import Problem, find_problems
from automation.operations.host_facts import HostFacts
from automation.operations.remote import PARALLEL, Remote
from automation.operations.target import Target
from topology.model import Role, Topology

_MAX_EVENTS = 15
_TIMEOUT_SECONDS = 6.0
_QUERIES = (
    "get pods --all-namespaces",
    "get events --all-namespaces --field-selector=type=Warning",
)


def diagnose(target: Target) -> int:
    """Run all checks and print the problems. Return 1 when there is a serious problem."""
    observed = status.observe(target)
    problems = find_problems(target.topology, observed)
    reachable = [
        host for host in target.with_role(Role.NODE) if isinstance(observed.hosts.get(host), HostFacts)
    ]
    problems += check_network(target.remote, target.topology, reachable)
    tables: list[RenderableType] = [_clock_table(observed.skews)]
    try:
        pods, events = cluster_facts.run_queries(
            target.remote, target.with_role(Role.CONTROL_PLANE), *_QUERIES
        )
        problems += find_broken_pods(pods)
        tables.append(warning_table(events))
    except ApiUnavailable as error:
        problems.append(Problem("api", f"pods and events cannot be listed: {error}"))
    console().print(Group(status.status_report(target.topology, observed, problems), *tables))
    return 1 if any(problem.serious for problem in problems) else 0


# The network of nodes --------------------------------------------------------------------------


def check_network(remote: Remote, topology: Topology, nodes: Sequence[str]) -> list[Problem]:
    """Query DNS and connect to the Service of the API from every node."""

    def check_host(host: str) -> list[Problem]:
        return [*_check_dns(remote, topology, host), *_check_api_service(remote, topology, host)]

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return [problem for problems in pool.map(check_host, nodes) for problem in problems]


def _check_dns(remote: Remote, topology: Topology, host: str) -> list[Problem]:
    name = f"kubernetes.default.svc.{topology.network.domain}"
    server = str(topology.network.dns_service)
    query_id = secrets.randbelow(2**16)
    response, reason = remote.send_from_host(
        host, server, 53, dns_query(query_id, name), timeout=_TIMEOUT_SECONDS
    )
    if reason:
        return [Problem(host, f"cluster DNS at {server} does not respond to this node: {reason}")]
    expected = topology.network.api_service.packed
    if response[2:4] != struct.pack(">H", query_id) or expected not in response:
        return [Problem(host, f"cluster DNS at {server} does not resolve {name}")]
    return []


def _check_api_service(remote: Remote, topology: Topology, host: str) -> list[Problem]:
    """Connect to the Service of the API from a host. An API server responds to plain HTTP with an error."""
    address = str(topology.network.api_service)
    response, reason = remote.send_from_host(
        host, address, 443, b"GET / HTTP/1.0\r\n\r\n", timeout=_TIMEOUT_SECONDS
    )
    if reason or not response.startswith(b"HTTP/"):
        return [
            Problem(
                host,
                f"service network: {address}:443 (kubernetes.default): {reason or 'unexpected response'}",
            )
        ]
    return []


def dns_query(query_id: int, name: str) -> bytes:
    """Return a DNS query for an IPv4 address in the TCP format (RFC 1035, 4.1 and 4.2.2)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack(">HHHHHH", query_id, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    return struct.pack(">H", len(message)) + message


# Pods and events -------------------------------------------------------------------------------


def find_broken_pods(listed: Mapping[str, Any]) -> list[Problem]:
    """Return the pods that should run and do not run, with the reason of each."""
    problems = []
    for pod in listed["items"]:
        reason = _failure_reason(pod)
        if reason:
            metadata = pod["metadata"]
            node = pod.get("spec", {}).get("nodeName") or "no node"
            problems.append(
                Problem(f"{metadata['namespace']}/{metadata['name']}", f"pod on {node}: {reason}")
            )
    return problems


def _failure_reason(pod: Mapping[str, Any]) -> str:
    """Return the reason why a pod does not run; empty if the pod runs or has completed."""
    pod_status = pod.get("status", {})
    if pod_status.get("phase") == "Succeeded":
        return ""
    states = [*pod_status.get("initContainerStatuses", ()), *pod_status.get("containerStatuses", ())]
    for state in states:
        for kind in ("waiting", "terminated"):
            current = state.get("state", {}).get(kind)
            if current and current.get("reason") not in ("PodInitializing", "ContainerCreating", "Completed"):
                return f"{state['name']}: {current.get('reason', kind)} {current.get('message', '')}".strip()
    ready = {entry["type"]: entry for entry in pod_status.get("conditions", ())}.get("Ready", {})
    if ready.get("status") == "True":
        return ""
    detail = pod_status.get("message") or _scheduling_message(pod_status) or ready.get("message", "")
    return f"{pod_status.get('phase', 'Unknown')}, not ready: {detail}".rstrip(": ")


def _scheduling_message(pod_status: Mapping[str, Any]) -> str:
    for entry in pod_status.get("conditions", ()):
        if entry["type"] == "PodScheduled" and entry["status"] != "True":
            return str(entry.get("message", ""))
    return ""


def warning_table(listed: Mapping[str, Any]) -> Table:
    """Return a table of the newest warning events."""
    table = Table(
        "last", "count", "object", "reason", "message", title="Warning events", title_justify="left"
    )
    for event in sorted(listed["items"], key=_last_time, reverse=True)[:_MAX_EVENTS]:
        subject = event["involvedObject"]
        count = event.get("count") or (event.get("series") or {}).get("count") or 1
        name = f"{subject.get('namespace', '')}/{subject['kind']}/{subject.get('name', '')}".lstrip("/")
        message = " ".join(str(event.get("message", "")).split())
        table.add_row(_last_time(event), str(count), name, event.get("reason", ""), message[:200])
    return table


def _last_time(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _clock_table(skews: Mapping[str, float]) -> Table:
    table = Table("host", "clock ahead", title="Clocks", title_justify="left")
    for host, skew in skews.items():
        table.add_row(host, f"{skew:+.2f} s")
    return table
