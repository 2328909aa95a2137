"""What the cluster's API says of nodes and add-ons; parsing is pure, asking goes by a control plane.

By a control plane, so that a lost endpoint does not hide the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from automation.operations.remote import Remote
from nodeconfig.host_paths import ADMIN, BIN

_LOCAL = "https://127.0.0.1:6443"


@dataclass(frozen=True, slots=True)
class NodeFact:
    """A Node. `pressure`: conditions other than Ready that are not as they should be."""

    name: str
    ready: bool
    reason: str
    version: str
    schedulable: bool
    pressure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddOnFact:
    """A workload of the cluster's own, or an API that one serves."""

    name: str
    available: bool
    detail: str


class ApiUnavailable(Exception):
    """No control plane's API answered; the message says what each one said."""


def ask(remote: Remote, control_planes: Sequence[str], *queries: str, timeout: float = 40) -> list[Any]:
    """Runs kubectl queries (`get nodes`) on the first control plane that answers all; parsed JSON.

    Raises ApiUnavailable.
    """
    kubectl = f"{BIN}/kubectl --kubeconfig={ADMIN} --server={_LOCAL} --request-timeout=15s"
    calls = [f"{kubectl} {query} -o json && printf '\\036'" for query in queries]
    script = " && ".join(calls)
    reasons = []
    for host in control_planes:
        answer = remote.run(host, script, timeout=timeout)
        if answer.ok:
            return [json.loads(part) for part in answer.output.split("\x1e")[:-1]]
        reasons.append(f"{host}: {answer.reason}")
    raise ApiUnavailable("; ".join(reasons))


def query(*words: str) -> str:
    """A kubectl query of words, safe in a script."""
    return " ".join(quote(word) for word in words)


def nodes(listed: Mapping[str, Any]) -> list[NodeFact]:
    """The nodes of a NodeList, by name."""
    return sorted((_node(item) for item in listed["items"]), key=lambda fact: fact.name)


def _node(item: Mapping[str, Any]) -> NodeFact:
    conditions = {entry["type"]: entry for entry in item.get("status", {}).get("conditions", ())}
    ready = conditions.get("Ready", {"status": "Unknown", "message": "has never reported"})
    bad = (entry for name, entry in conditions.items() if name != "Ready" and entry["status"] == "True")
    return NodeFact(
        name=item["metadata"]["name"],
        ready=ready["status"] == "True",
        reason=str(ready.get("message") or ready.get("reason") or ""),
        version=item.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "").removeprefix("v"),
        schedulable=not item.get("spec", {}).get("unschedulable", False),
        pressure=tuple(f"{entry['type']}: {entry.get('message', '')}" for entry in bad),
    )


def add_ons(workloads: Mapping[str, Any], services: Mapping[str, Any]) -> list[AddOnFact]:
    """Deployments and DaemonSets of kube-system, and APIs that are served from within the cluster."""
    found = [_workload(item) for item in workloads["items"]]
    found += [_api(item) for item in services["items"] if item["spec"].get("service")]
    return sorted(found, key=lambda fact: fact.name)


def _workload(item: Mapping[str, Any]) -> AddOnFact:
    name, status = item["metadata"]["name"], item.get("status", {})
    if item["kind"] == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
        return AddOnFact(name, ready >= wanted, f"{ready} of {wanted}")
    wanted, ready = item["spec"].get("replicas", 1), status.get("availableReplicas", 0)
    condition = _available(status)
    # One of a few may be away while a Deployment still calls itself available: of one, none is left.
    available = wanted == 0 or (condition.get("status") == "True" and ready > 0)
    detail = f"{ready} of {wanted}"
    return AddOnFact(name, available, detail if available else f"{detail}: {condition.get('message', '')}")


def _api(item: Mapping[str, Any]) -> AddOnFact:
    condition = _available(item.get("status", {}))
    available = condition.get("status") == "True"
    return AddOnFact(
        f"api {item['metadata']['name']}", available, "" if available else condition.get("message", "")
    )


def _available(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Available, empty without."""
    return next((entry for entry in status.get("conditions", ()) if entry["type"] == "Available"), {})
