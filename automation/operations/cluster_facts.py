"""Reads facts about nodes and add-ons from the Kubernetes API.

Queries run on a control plane host, so that they work without the endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.operations.remote import Remote
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN, LOCAL_API
from topology import (
    cert_manager,
    dashboard,
    distribution,
    external_dns,
    ingress,
    keda,
    logs,
    metallb,
    monitoring,
    storage,
    velero,
)
from topology.model import Topology

_SYSTEM_NAMESPACE = "kube-system"
_CORDONED = "node.kubernetes.io/unschedulable"
"""The taint of a cordoned node. The field `schedulable` reports this taint."""


@dataclass(frozen=True, slots=True)
class NodeFact:
    """The state of a Node, as the API reports it.

    `pressure` lists the conditions that report a problem, such as MemoryPressure; `ready` is the condition
    Ready. `taints` lists the taints that repel pods.
    """

    name: str
    ready: bool
    reason: str
    version: str
    schedulable: bool
    pressure: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddOnFact:
    """The availability of an add-on: a workload, or an API that a workload serves."""

    name: str
    available: bool
    detail: str


class ApiUnavailable(Exception):
    """Error for an API that responds on no control plane. The message contains the reason of each failure."""


def run_queries(
    remote: Remote, control_planes: Sequence[str], *queries: str, timeout: float = 40
) -> list[Any]:
    """Run kubectl queries such as `get nodes` on the first control plane that responds. Return parsed JSON.

    Raise ApiUnavailable when no control plane responds to all queries.
    """
    kubectl = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG} --server={LOCAL_API} --request-timeout=15s"
    commands = [f"{kubectl} {query} -o json && printf '\\036'" for query in queries]
    script = " && ".join(commands)
    reasons = []
    for host in control_planes:
        result = remote.run(host, script, timeout=timeout)
        if result.ok:
            return [json.loads(document) for document in result.output.split("\x1e")[:-1]]
        reasons.append(f"{host}: {result.reason}")
    raise ApiUnavailable("; ".join(reasons))


def parse_nodes(listed: Mapping[str, Any]) -> list[NodeFact]:
    """Return the nodes of a NodeList, sorted by name."""
    return sorted((_parse_node(item) for item in listed["items"]), key=lambda fact: fact.name)


def _parse_node(item: Mapping[str, Any]) -> NodeFact:
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
        taints=tuple(
            f"{taint['key']}:{taint['effect']}"
            for taint in item.get("spec", {}).get("taints", ())
            if taint["effect"] in ("NoSchedule", "NoExecute") and taint["key"] != _CORDONED
        ),
    )


def add_on_namespaces(topology: Topology) -> tuple[str, ...]:
    """Return the namespaces of Kubewright's add-ons."""
    optional = {
        cert_manager.NAMESPACE: topology.cert_manager,
        distribution.NAMESPACE: topology.distribution,
        external_dns.NAMESPACE: topology.external_dns,
        keda.NAMESPACE: topology.keda,
        metallb.NAMESPACE: topology.metallb,
        monitoring.NAMESPACE: topology.monitoring,
        ingress.NAMESPACE: topology.ingress,
        storage.LOCAL_NAMESPACE: topology.storage.local,
        velero.NAMESPACE: topology.velero,
        dashboard.NAMESPACE: topology.dashboard,
        logs.NAMESPACE: topology.logs,
    }
    return (_SYSTEM_NAMESPACE, *(namespace for namespace, add_on in optional.items() if add_on))


def parse_add_ons(workloads: Iterable[Mapping[str, Any]], services: Mapping[str, Any]) -> list[AddOnFact]:
    """Return Deployments and DaemonSets, and the aggregated APIs (APIService objects).

    `workloads` has a list for each namespace of add-ons.
    """
    facts = [_parse_workload(item) for listed in workloads for item in listed["items"]]
    facts += [_parse_api_service(item) for item in services["items"] if item["spec"].get("service")]
    return sorted(facts, key=lambda fact: fact.name)


def _parse_workload(item: Mapping[str, Any]) -> AddOnFact:
    name, status = _workload_name(item["metadata"]), item.get("status", {})
    if item["kind"] == "DaemonSet":
        desired, ready = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
        return AddOnFact(name, ready >= desired, f"{ready} of {desired}")
    desired, ready = item["spec"].get("replicas", 1), status.get("availableReplicas", 0)
    condition = _available_condition(status)
    # A Deployment with one replica can be Available while no pod is ready.
    available = desired == 0 or (condition.get("status") == "True" and ready > 0)
    detail = f"{ready} of {desired}"
    return AddOnFact(name, available, detail if available else f"{detail}: {condition.get('message', '')}")


def _workload_name(metadata: Mapping[str, Any]) -> str:
    """Return the name of a workload, with its namespace if that is not kube-system."""
    namespace = metadata.get("namespace", _SYSTEM_NAMESPACE)
    name = str(metadata["name"])
    return name if namespace == _SYSTEM_NAMESPACE else f"{namespace}/{name}"


def _parse_api_service(item: Mapping[str, Any]) -> AddOnFact:
    condition = _available_condition(item.get("status", {}))
    available = condition.get("status") == "True"
    return AddOnFact(
        f"api {item['metadata']['name']}", available, "" if available else condition.get("message", "")
    )


def _available_condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition `Available` in the status of a workload or API; an empty mapping without it."""
    return next((entry for entry in status.get("conditions", ()) if entry["type"] == "Available"), {})
