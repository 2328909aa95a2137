"""`diagnose` [J5]: what `status` finds, and beyond it DNS, the service network, pods and events."""

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
from automation.operations.facts import HostFacts
from automation.operations.health import Finding, findings
from automation.operations.remote import PARALLEL, Remote
from automation.operations.target import Target
from topology.model import Role, Topology

_EVENTS = 15
_SECONDS = 6.0
_QUERIES = (
    "get pods --all-namespaces",
    "get events --all-namespaces --field-selector=type=Warning",
)


def diagnose(target: Target) -> int:
    """Looks everywhere and prints what it finds. Returns 1 when something serious is wrong."""
    observed = status.observe(target)
    found = findings(target.topology, observed)
    reached = [
        host for host in target.with_role(Role.NODE) if isinstance(observed.hosts.get(host), HostFacts)
    ]
    found += network(target.remote, target.topology, reached)
    below: list[RenderableType] = [_clocks(observed.skews)]
    try:
        pods, events = cluster_facts.ask(target.remote, target.with_role(Role.CONTROL_PLANE), *_QUERIES)
        found += broken_pods(pods)
        below.append(warnings(events))
    except ApiUnavailable as error:
        found.append(Finding("api", f"does not list pods and events: {error}"))
    console().print(Group(status.report(target.topology, observed, found), *below))
    return 1 if any(finding.serious for finding in found) else 0


# The network as nodes have it ------------------------------------------------------------------


def network(remote: Remote, topology: Topology, nodes: Sequence[str]) -> list[Finding]:
    """DNS and the API's service, asked from every node by way of its sshd."""

    def one(host: str) -> list[Finding]:
        return [*_dns(remote, topology, host), *_api_service(remote, topology, host)]

    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return [finding for found in pool.map(one, nodes) for finding in found]


def _dns(remote: Remote, topology: Topology, host: str) -> list[Finding]:
    name = f"kubernetes.default.svc.{topology.network.domain}"
    server = str(topology.network.dns_service)
    number = secrets.randbelow(2**16)
    answer, reason = remote.through(host, server, 53, question(number, name), timeout=_SECONDS)
    if reason:
        return [Finding(host, f"cluster DNS at {server} does not answer from here: {reason}")]
    wanted = topology.network.api_service.packed
    if answer[2:4] != struct.pack(">H", number) or wanted not in answer:
        return [Finding(host, f"cluster DNS at {server} does not know {name}")]
    return []


def _api_service(remote: Remote, topology: Topology, host: str) -> list[Finding]:
    """An API server says in plain HTTP that it wants TLS: proof that the way to it is open."""
    address = str(topology.network.api_service)
    answer, reason = remote.through(host, address, 443, b"GET / HTTP/1.0\r\n\r\n", timeout=_SECONDS)
    if reason or not answer.startswith(b"HTTP/"):
        return [
            Finding(
                host, f"service network: {address}:443 (kubernetes.default) fails: {reason or 'odd answer'}"
            )
        ]
    return []


def question(number: int, name: str) -> bytes:
    """A DNS question for an address, as TCP carries it (RFC 1035, 4.1 and 4.2.2)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    return struct.pack(">H", len(message)) + message


# Pods and events -------------------------------------------------------------------------------


def broken_pods(listed: Mapping[str, Any]) -> list[Finding]:
    """Pods that do not run although they should, with the reason."""
    found = []
    for pod in listed["items"]:
        reason = _reason(pod)
        if reason:
            meta = pod["metadata"]
            where = pod.get("spec", {}).get("nodeName") or "no node"
            found.append(Finding(f"{meta['namespace']}/{meta['name']}", f"pod on {where}: {reason}"))
    return found


def _reason(pod: Mapping[str, Any]) -> str:
    """Why a pod does not run as it should; empty when it does, or is done."""
    status = pod.get("status", {})
    if status.get("phase") == "Succeeded":
        return ""
    states = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    for state in states:
        for kind in ("waiting", "terminated"):
            now = state.get("state", {}).get(kind)
            if now and now.get("reason") not in ("PodInitializing", "ContainerCreating", "Completed"):
                return f"{state['name']}: {now.get('reason', kind)} {now.get('message', '')}".strip()
    ready = {entry["type"]: entry for entry in status.get("conditions", ())}.get("Ready", {})
    if ready.get("status") == "True":
        return ""
    detail = status.get("message") or _scheduling(status) or ready.get("message", "")
    return f"{status.get('phase', 'Unknown')}, not ready: {detail}".rstrip(": ")


def _scheduling(status: Mapping[str, Any]) -> str:
    for entry in status.get("conditions", ()):
        if entry["type"] == "PodScheduled" and entry["status"] != "True":
            return str(entry.get("message", ""))
    return ""


def warnings(listed: Mapping[str, Any]) -> Table:
    """The newest warning events."""
    grid = Table("last", "times", "object", "reason", "message", title="Warning events", title_justify="left")
    for event in sorted(listed["items"], key=_when, reverse=True)[:_EVENTS]:
        about = event["involvedObject"]
        times = event.get("count") or (event.get("series") or {}).get("count") or 1
        name = f"{about.get('namespace', '')}/{about['kind']}/{about.get('name', '')}".lstrip("/")
        message = " ".join(str(event.get("message", "")).split())
        grid.add_row(_when(event), str(times), name, event.get("reason", ""), message[:200])
    return grid


def _when(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _clocks(skews: Mapping[str, float]) -> Table:
    grid = Table("host", "clock ahead", title="Clocks", title_justify="left")
    for host, skew in skews.items():
        grid.add_row(host, f"{skew:+.2f} s")
    return grid
