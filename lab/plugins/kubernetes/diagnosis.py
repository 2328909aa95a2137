"""Find the reasons why an object is not ready: the state of its pods and its latest warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.errors import PluginError

from .client import Client
from .naming import mapping
from .readiness import condition, describe_condition

_LINES = 3
_WORKLOADS = frozenset({"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "Service"})
Object = Mapping[str, Any]


def reasons(client: Client, obj: Object) -> list[str]:
    """Return lines with the reasons why an object is not ready: problems of its pods, and recent warnings."""
    meta = mapping(obj.get("metadata"))
    namespace = str(meta.get("namespace") or "")
    lines: list[str] = []
    names = {str(meta.get("name"))}
    try:
        if namespace and obj.get("kind") in _WORKLOADS:
            pods = client.list(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector(obj)})
            waiting = [line for pod in pods if (line := pod_problem(pod))]
            lines += waiting[:_LINES]
            if len(waiting) > _LINES:
                lines.append(f"and {len(waiting) - _LINES} more pods")
            names |= {str(mapping(pod.get("metadata")).get("name")) for pod in pods}
        elif obj.get("kind") == "Pod" and (line := pod_problem(obj)):
            lines.append(line)
        place = f"/namespaces/{namespace}" if namespace else ""
        events = client.list(f"/api/v1{place}/events", {"fieldSelector": "type=Warning"})
        lines += warnings(events, names)
    except PluginError as problem:
        lines.append(f"no more is known: {problem}")
    return lines


def selector(obj: Object) -> str:
    """Return the label selector for the pods of a workload or Service, as text for the API."""
    spec = mapping(obj.get("spec"))
    selector_spec = mapping(spec.get("selector"))
    labels = selector_spec if obj.get("kind") == "Service" else mapping(selector_spec.get("matchLabels"))
    return ",".join(f"{key}={value}" for key, value in labels.items())


def pod_problem(pod: Object) -> str:
    """Return a line with the problem of a pod, or an empty text if the pod is ready or finished."""
    name = mapping(pod.get("metadata")).get("name")
    status = mapping(pod.get("status"))
    if status.get("phase") == "Succeeded" or condition(pod, "Ready").get("status") == "True":
        return ""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"pod {name}: {describe_condition(scheduled, 'PodScheduled')}"
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        state = mapping(container.get("state"))
        waiting, ended = mapping(state.get("waiting")), mapping(state.get("terminated"))
        if waiting.get("reason"):
            message = f" ({waiting['message']})" if waiting.get("message") else ""
            return f"pod {name}, container {container.get('name')}: {waiting['reason']}{message}"
        if ended and ended.get("exitCode"):
            why = ended.get("reason") or "ended"
            return f"pod {name}, container {container.get('name')}: {why}, exit code {ended['exitCode']}"
    return f"pod {name}: {describe_condition(condition(pod, 'Ready'), 'Ready')}"


def warnings(events: list[dict[str, Any]], names: set[str]) -> list[str]:
    """Return the latest three warning events about the objects with these names, oldest first."""
    matching = [event for event in events if mapping(event.get("involvedObject")).get("name") in names]
    matching.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return [f"event {event.get('reason')}: {event.get('message')}" for event in matching[-_LINES:]]
