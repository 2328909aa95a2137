"""Which objects of a Helm release are not ready, and why: a pure function of objects, pods and events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automation.releases.pods import Json, events_about, one_line, pod_causes
from automation.releases.record import ObjectKey, ReleaseRecord
from formats.lists import shorten_list

CLAIM, POD = "PersistentVolumeClaim", "Pod"
_OWNERS = {"Deployment": "ReplicaSet"}
"""The kind of object that creates the pods of a kind, if it is not this kind itself."""
_RUNNING_JOB = "is not complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """What the API has about a release at one time.

    `objects` has the objects of the release that exist, `pods` the pods of each workload, and `claims` the
    volume claims of these pods. `events` are the events of the namespaces of the release.
    """

    objects: Mapping[ObjectKey, Json]
    pods: Mapping[ObjectKey, Sequence[Json]] = field(default_factory=dict)
    claims: Mapping[ObjectKey, Json] = field(default_factory=dict)
    events: Sequence[Json] = ()

    def events_in(self, namespace: str) -> list[Json]:
        """Return the events of a namespace."""
        return [
            event
            for event in self.events
            if event.get("metadata", {}).get("namespace", namespace) == namespace
        ]


def explain_release(record: ReleaseRecord, facts: ReleaseFacts) -> list[str]:
    """Return a line for each object of a release that is not ready: the object, its state and the causes.

    Helm creates the objects of a release after its hooks, so missing objects are not named.
    """
    lines = []
    for key in dict.fromkeys((*record.hooks, *record.objects)):
        found = facts.objects.get(key)
        describe = _DESCRIPTIONS.get(key.kind)
        state = describe(found) if found is not None and describe is not None else ""
        if found is None or not state:
            continue
        hook = " (hook)" if key in record.hooks else ""
        causes = list(_causes(key, found, facts))
        if not causes and not hook and state == _RUNNING_JOB:
            continue  # Helm waits only for the Jobs of hooks
        lines += [f"{key}{hook}: {state}; {cause}" for cause in causes] or [f"{key}{hook}: {state}"]
    return lines


def pods_selector(found: Json) -> str:
    """Return the label selector of the pods of a workload; empty for an object without pods."""
    selector = (found.get("spec") or {}).get("selector")
    labels = selector.get("matchLabels") if isinstance(selector, Mapping) else None
    return ",".join(f"{name}={value}" for name, value in sorted((labels or {}).items()))


def claims_of(pod: Json) -> list[str]:
    """Return the names of the volume claims of a pod."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [str(claim["claimName"]) for volume in volumes if (claim := volume.get("persistentVolumeClaim"))]


def _causes(key: ObjectKey, found: Json, facts: ReleaseFacts) -> Iterator[str]:
    """Yield the causes in the pods, the volume claims and the events of an object; each cause once."""
    events = facts.events_in(key.namespace)
    if key.kind == CLAIM:
        yield from _claim_causes(found, events)
        return
    yield from _creation_causes(key, found, events)
    pods = [found] if key.kind == POD else facts.pods.get(key, ())
    names_by_cause: dict[str, list[str]] = {}
    for pod in pods:
        for cause in pod_causes(pod, events):
            names_by_cause.setdefault(cause, []).append(str(pod["metadata"]["name"]))
    for cause, names in names_by_cause.items():
        yield cause if key.kind == POD else f"pod {shorten_list(names, 1)}: {cause}"
    waiting_claims = dict.fromkeys(
        ObjectKey(CLAIM, key.namespace, claim) for pod in pods for claim in claims_of(pod)
    )
    for claim in waiting_claims:
        content = facts.claims.get(claim)
        if content is not None and (state := _describe_claim(content)):
            reasons = list(_claim_causes(content, events)) or [""]
            yield f"{claim}: {state}; {reasons[0]}".rstrip("; ")


def _claim_causes(found: Json, events: Sequence[Json]) -> Iterator[str]:
    metadata = found["metadata"]
    for event in events_about(events, CLAIM, metadata["name"], str(metadata.get("uid", "")))[:1]:
        yield one_line(f"{event.get('reason', '')}: {event.get('message', '')}")


def _creation_causes(key: ObjectKey, found: Json, events: Sequence[Json]) -> Iterator[str]:
    """Yield the newest reason why the API refuses the pods of a workload, such as a quota."""
    owner = _OWNERS.get(key.kind, key.kind)
    name = re.compile(rf"{re.escape(key.name)}-[a-z0-9]+" if owner != key.kind else re.escape(key.name))
    for condition in (found.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            yield one_line(f"{condition.get('reason', '')}: {condition.get('message', '')}")
            return
    subjects = {str((event.get("involvedObject") or {}).get("name", "")) for event in events}
    refused = [
        event
        for subject in sorted(subjects)
        if name.fullmatch(subject)
        for event in events_about(events, owner, subject)[:1]
        if event.get("reason") == "FailedCreate"
    ]
    yield from (one_line(f"{event['reason']}: {event.get('message', '')}") for event in refused[-1:])


# The state of each kind of object; empty for an object that is ready ----------------------------


def _describe_replicas(found: Json, ready: str, desired: int) -> str:
    status = found.get("status") or {}
    count = int(status.get(ready) or 0)
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return "its controller has not seen the change yet"
    updated = int(status.get("updatedReplicas", status.get("updatedNumberScheduled", desired)) or 0)
    if count < desired:
        return f"{count} of {desired} pods are ready"
    return f"{updated} of {desired} pods are updated" if updated < desired else ""


def _describe_deployment(found: Json) -> str:
    replicas = (found.get("spec") or {}).get("replicas")
    return _describe_replicas(found, "availableReplicas", 1 if replicas is None else int(replicas))


def _describe_stateful_set(found: Json) -> str:
    replicas = (found.get("spec") or {}).get("replicas")
    return _describe_replicas(found, "readyReplicas", 1 if replicas is None else int(replicas))


def _describe_daemon_set(found: Json) -> str:
    desired = int((found.get("status") or {}).get("desiredNumberScheduled") or 0)
    return _describe_replicas(found, "numberAvailable", desired)


def _describe_job(found: Json) -> str:
    conditions = {entry["type"]: entry for entry in (found.get("status") or {}).get("conditions") or ()}
    if conditions.get("Complete", {}).get("status") == "True":
        return ""
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        return one_line(f"failed: {failed.get('reason', '')}: {failed.get('message', '')}".rstrip(": "))
    return _RUNNING_JOB


def _describe_pod(found: Json) -> str:
    status = found.get("status") or {}
    ready = {entry["type"]: entry for entry in status.get("conditions") or ()}.get("Ready", {})
    is_ready = ready.get("status") == "True" or status.get("phase") == "Succeeded"
    return "" if is_ready else f"phase {status.get('phase', 'Unknown')}, not ready"


def _describe_claim(found: Json) -> str:
    phase = (found.get("status") or {}).get("phase", "Pending")
    return "" if phase == "Bound" else f"phase {phase}, no volume"


def _describe_service(found: Json) -> str:
    if (found.get("spec") or {}).get("type") != "LoadBalancer":
        return ""
    ingress = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return "" if ingress else "has no address of a load balancer"


_DESCRIPTIONS: dict[str, Callable[[Any], str]] = {
    "Deployment": _describe_deployment,
    "StatefulSet": _describe_stateful_set,
    "DaemonSet": _describe_daemon_set,
    "Job": _describe_job,
    POD: _describe_pod,
    CLAIM: _describe_claim,
    "Service": _describe_service,
}
"""The kinds of objects that Helm waits for."""
OBSERVED_KINDS = frozenset(_DESCRIPTIONS)
