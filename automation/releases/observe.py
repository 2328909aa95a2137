"""Reads a Helm release from the Kubernetes API: its record, its objects, their pods, claims and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from automation.operations.api_client import ApiClient, ApiError
from automation.releases.failures import CLAIM, OBSERVED_KINDS, ReleaseFacts, claims_of, pods_selector
from automation.releases.record import SELECTOR, ObjectKey, ReleaseRecord, newest_record

_MAX_ITEMS = 500
"""Maximum number of pods or events that are read of a list."""
_PATHS = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Pod": ("/api/v1", "pods"),
    "Service": ("/api/v1", "services"),
    CLAIM: ("/api/v1", "persistentvolumeclaims"),
}
"""The API and the resource of each kind that is observed."""
assert _PATHS.keys() == OBSERVED_KINDS


def read_record(api: ApiClient, namespace: str, name: str) -> ReleaseRecord | None:
    """Return the newest revision of a release; None without one. Raise ApiError."""
    selector = SELECTOR.format(name=name)
    listed = api.get(_list_path("/api/v1", namespace, "secrets", labelSelector=selector))
    return newest_record(listed["items"])


def read_facts(api: ApiClient, record: ReleaseRecord) -> ReleaseFacts:
    """Return the objects of a release with their pods, volume claims and events. Raise ApiError."""
    objects = {
        key: content
        for key in dict.fromkeys((*record.hooks, *record.objects))
        if key.kind in _PATHS and (content := _read_object(api, key)) is not None
    }
    pods = {
        key: _read_pods(api, key.namespace, selector)
        for key, content in objects.items()
        if key.kind != "Service" and (selector := pods_selector(content))
    }
    claims = {
        key: content
        for key in dict.fromkeys(_claim_keys(pods, objects))
        if (content := _read_object(api, key)) is not None
    }
    namespaces = dict.fromkeys(key.namespace for key in objects)
    events = [event for namespace in namespaces for event in _read_events(api, namespace)]
    return ReleaseFacts(objects=objects, pods=pods, claims=claims, events=events)


def _read_object(api: ApiClient, key: ObjectKey) -> Mapping[str, Any] | None:
    """Return an object; None if it does not exist."""
    prefix, resource = _PATHS[key.kind]
    try:
        content: Mapping[str, Any] = api.get(
            f"{prefix}/namespaces/{quote(key.namespace)}/{resource}/{quote(key.name)}"
        )
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return content


def _read_pods(api: ApiClient, namespace: str, selector: str) -> list[Mapping[str, Any]]:
    return list(api.get(_list_path("/api/v1", namespace, "pods", labelSelector=selector))["items"])


def _read_events(api: ApiClient, namespace: str) -> Iterator[Mapping[str, Any]]:
    """Yield the warnings in a namespace, and all events about volume claims: some of them are no warnings."""
    for selector in ("type=Warning", f"involvedObject.kind={CLAIM},type=Normal"):
        yield from api.get(_list_path("/api/v1", namespace, "events", fieldSelector=selector))["items"]


def _claim_keys(
    pods: Mapping[ObjectKey, Iterable[Mapping[str, Any]]], objects: Mapping[ObjectKey, Mapping[str, Any]]
) -> Iterator[ObjectKey]:
    """Yield the keys of the volume claims of the pods of workloads and of single pods."""
    single = [(key, (content,)) for key, content in objects.items() if key.kind == "Pod"]
    for key, found in (*pods.items(), *single):
        for pod in found:
            yield from (ObjectKey(CLAIM, key.namespace, claim) for claim in claims_of(pod))


def _list_path(prefix: str, namespace: str, resource: str, **query: str) -> str:
    parameters = urlencode({**query, "limit": _MAX_ITEMS})
    return f"{prefix}/namespaces/{quote(namespace)}/{resource}?{parameters}"
