"""Why a pod is not ready, from the pod and its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

MAX_CHARACTERS = 300
_STARTING = ("PodInitializing", "ContainerCreating")
_PREPARATION = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume")
"""Reasons of events about a pod whose containers cannot be created yet."""
_PULL = ("ImagePullBackOff", "ErrImagePull")


def one_line(text: object) -> str:
    """Return a text on one line, shortened to `MAX_CHARACTERS`."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 2] + " …"


def events_about(events: Iterable[Json], kind: str, name: str, uid: str = "") -> list[Json]:
    """Return the events about an object, the newest first. With `uid`, leave out those of an earlier object
    with the same name.
    """
    found = [
        event
        for event in events
        if (subject := event.get("involvedObject") or {}).get("kind") == kind
        and subject.get("name") == name
        and (not uid or subject.get("uid", uid) == uid)
    ]
    return sorted(found, key=_time_of, reverse=True)


def pod_causes(pod: Json, events: Sequence[Json]) -> list[str]:
    """Return the reasons why a pod is not ready; none for a pod that is ready or has completed.

    `events` are those of the namespace. The output of programs in the pod, which can contain secrets, is left
    out.
    """
    status, metadata = pod.get("status") or {}, pod["metadata"]
    if status.get("phase") == "Succeeded" or metadata.get("deletionTimestamp"):
        return []
    conditions = {entry["type"]: entry for entry in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True":
        return []
    own = events_about(events, "Pod", metadata["name"], str(metadata.get("uid", "")))
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        reason = f"{scheduled.get('reason', 'Unschedulable')}: {scheduled.get('message', '')}"
        return [one_line(reason.rstrip(": "))]
    causes = [*_container_causes(pod, own), *_preparation_causes(own, status)]
    if causes:
        return list(dict.fromkeys(causes))
    if status.get("reason"):  # such as Evicted
        return [one_line(f"{status['reason']}: {status.get('message', '')}".rstrip(": "))]
    warnings = [event for event in own if event.get("type") == "Warning"]
    if warnings:
        return [_event_text(warnings[0])]
    return ["waits for a node" if not scheduled else f"phase {status.get('phase', 'Unknown')}, not ready"]


def _container_causes(pod: Json, events: Sequence[Json]) -> Iterator[str]:
    """Yield the reason of each container that is not ready."""
    status = pod["status"]
    specifications = {
        container["name"]: container
        for key in ("initContainers", "containers")
        for container in (pod.get("spec") or {}).get(key) or ()
    }
    init, containers = (status.get(key) or () for key in ("initContainerStatuses", "containerStatuses"))
    for container in (*init, *containers):
        state = container.get("state") or {}
        if cause := _state_cause(container, state, events):
            yield f"container {container['name']}: {cause}"
        elif "running" in state and not container.get("ready") and container not in init:
            specification = specifications.get(container["name"], {})
            yield f"container {container['name']}: {_probe_cause(container, specification, events)}"


def _state_cause(container: Json, state: Json, events: Sequence[Json]) -> str:
    """Return why a container waits or has failed; empty for a container that runs or completed."""
    if waiting := state.get("waiting"):
        reason = str(waiting.get("reason", ""))
        if reason in _STARTING:
            return ""
        if reason == "CrashLoopBackOff":
            last = (container.get("lastState") or {}).get("terminated") or {}
            return f"{reason}: {_exit_text(last)}, restarted {container.get('restartCount', 0)} times"
        message = str(waiting.get("message") or "")
        if reason in _PULL and "ErrImagePull:" not in message:
            message = next((event["message"] for event in events if _is_failed_pull(event)), message)
        return one_line(f"{reason}: {message}".rstrip(": "))
    terminated = state.get("terminated")
    if terminated and terminated.get("exitCode"):
        return _exit_text(terminated)
    return ""


def _exit_text(terminated: Json) -> str:
    """Return how a container ended, without its last output."""
    reason = terminated.get("reason")
    code = terminated.get("exitCode")
    text = f"exit code {code}" if code is not None else "ended"
    return f"{text} ({reason})" if reason and reason != "Error" else text


def _is_failed_pull(event: Json) -> bool:
    return event.get("reason") == "Failed" and "pull image" in str(event.get("message", ""))


def _probe_cause(container: Json, specification: Json, events: Sequence[Json]) -> str:
    """Return the last failure of a probe of a container that runs.

    The output of a command in the container is left out.
    """
    path = f"{{{container['name']}}}"
    for event in events:
        subject = event.get("involvedObject") or {}
        if event.get("reason") == "Unhealthy" and path in str(subject.get("fieldPath", path)):
            title, _, detail = str(event.get("message", "")).partition(": ")
            kind = title.partition(" ")[0].lower()
            if (specification.get(f"{kind}Probe") or {}).get("exec"):
                detail = "its command failed"
            return one_line(f"{title}: {detail}".rstrip(": "))
    last = (container.get("lastState") or {}).get("terminated")
    if last:
        return f"restarted {container.get('restartCount', 0)} times: {_exit_text(last)}"
    return "runs, but is not ready"


def _preparation_causes(events: Sequence[Json], status: Json) -> list[str]:
    """Return why the containers of a pod cannot be created, while all of them wait for it."""
    states = [container.get("state") or {} for container in status.get("containerStatuses") or ()]
    if not all((state.get("waiting") or {}).get("reason") in _STARTING for state in states):
        return []
    return [_event_text(event) for event in events if event.get("reason") in _PREPARATION][:1]


def _event_text(event: Json) -> str:
    return one_line(f"{event.get('reason', '')}: {event.get('message', '')}".rstrip(": "))


def _time_of(event: Json) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
