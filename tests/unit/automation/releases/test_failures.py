"""Tests of the lines that explain a failed Helm release."""

from __future__ import annotations

from typing import Any

import pytest

from automation.releases.failures import ReleaseFacts, explain_release
from automation.releases.pods import pod_causes
from automation.releases.record import ObjectKey, ReleaseRecord

WEB = ObjectKey("Deployment", "shop", "web", "apps/v1")
DATABASE = ObjectKey("StatefulSet", "shop", "db", "apps/v1")
JOB = ObjectKey("Job", "shop", "migrate", "batch/v1")
CLAIM = ObjectKey("PersistentVolumeClaim", "shop", "data")
PODS_READY = {"type": "Ready", "status": "True"}


def pod(name: str = "web-1", **status: object) -> dict[str, Any]:
    containers = [{"name": "server", "readinessProbe": {"exec": {"command": ["check"]}}, "livenessProbe": {}}]
    return {"metadata": {"name": name, "uid": name}, "spec": {"containers": containers}, "status": status}


def container(**changes: object) -> dict[str, Any]:
    return {"name": "server", "ready": False, "restartCount": 0, "state": {"running": {}}, **changes}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return container(state={"waiting": {"reason": reason, "message": message}})


def event(kind: str, name: str, reason: str, message: str, uid: str = "") -> dict[str, Any]:
    subject = {"kind": kind, "name": name, **({"uid": uid} if uid else {})}
    metadata = {"namespace": "shop"}
    return {
        "metadata": metadata,
        "involvedObject": subject,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


def deployment(available: int, **status: object) -> dict[str, Any]:
    conditions = {"availableReplicas": available, "updatedReplicas": 2, "observedGeneration": 1}
    return {
        "metadata": {"name": "web", "generation": 1},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}},
        "status": {**conditions, **status},
    }


def record(*objects: ObjectKey, hooks: tuple[ObjectKey, ...] = ()) -> ReleaseRecord:
    return ReleaseRecord(
        name="web", namespace="shop", revision=1, status="failed", objects=objects, hooks=hooks
    )


OUT_OF_MEMORY = {"exitCode": 137, "reason": "OOMKilled"}
TERMINATED = {"exitCode": 1, "reason": "Error", "message": "password is hunter22"}


@pytest.mark.parametrize(
    ("status", "events", "expected"),
    [
        ({"conditions": [PODS_READY]}, [], []),
        ({"phase": "Succeeded"}, [], []),
        (
            {"containerStatuses": [waiting("ImagePullBackOff", 'Back-off pulling image "a"')]},
            [event("Pod", "web-1", "Failed", 'Failed to pull image "a": 401 Unauthorized')],
            ['container server: ImagePullBackOff: Failed to pull image "a": 401 Unauthorized'],
        ),
        (
            {"containerStatuses": [waiting("ErrImagePull", "ErrImagePull: no such host")]},
            [],
            ["container server: ErrImagePull: ErrImagePull: no such host"],
        ),
        (
            {
                "containerStatuses": [
                    waiting("CrashLoopBackOff", "back-off 10s")
                    | {"restartCount": 4, "lastState": {"terminated": TERMINATED}}
                ]
            },
            [],
            ["container server: CrashLoopBackOff: exit code 1, restarted 4 times"],
        ),
        (
            {
                "containerStatuses": [
                    container(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
                ]
            },
            [],
            ["container server: exit code 137 (OOMKilled)"],
        ),
        (
            {"containerStatuses": [waiting("CreateContainerConfigError", 'secret "a" not found')]},
            [],
            ['container server: CreateContainerConfigError: secret "a" not found'],
        ),
        (
            {"containerStatuses": [container()]},
            [event("Pod", "web-1", "Unhealthy", "Liveness probe failed: HTTP statuscode: 503")],
            ["container server: Liveness probe failed: HTTP statuscode: 503"],
        ),
        (
            {"containerStatuses": [container()]},
            [event("Pod", "web-1", "Unhealthy", "Readiness probe failed: password is hunter22")],
            ["container server: Readiness probe failed: its command failed"],
        ),
        (
            {"containerStatuses": [container(restartCount=2, lastState={"terminated": TERMINATED})]},
            [],
            ["container server: restarted 2 times: exit code 1"],
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}
                ]
            },
            [],
            ["Unschedulable: 0/3"],
        ),
        (
            {"containerStatuses": [waiting("ContainerCreating")]},
            [event("Pod", "web-1", "FailedMount", 'secret "a" not found')],
            ['FailedMount: secret "a" not found'],
        ),
        (
            {"initContainerStatuses": [waiting("ImagePullBackOff", "ErrImagePull: 404")]},
            [],
            ["container server: ImagePullBackOff: ErrImagePull: 404"],
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
            [],
            ["Evicted: low on memory"],
        ),
        (
            {"phase": "Pending"},
            [event("Pod", "web-1", "FailedScheduling", "no nodes")],
            ["FailedScheduling: no nodes"],
        ),
        ({"phase": "Pending"}, [], ["waits for a node"]),
    ],
)
def test_cause_of_a_pod(status: dict[str, Any], events: list[Any], expected: list[str]) -> None:
    assert pod_causes(pod(**status), events) == expected


def test_events_of_an_earlier_pod_with_the_same_name_do_not_count() -> None:
    old = event("Pod", "web-1", "Failed", "Failed to pull image: old", uid="other")
    statuses = [waiting("ImagePullBackOff", "Back-off")]
    assert pod_causes(pod(containerStatuses=statuses), [old]) == [
        "container server: ImagePullBackOff: Back-off"
    ]


def test_pods_with_the_same_cause_are_one_line() -> None:
    statuses = {"containerStatuses": [waiting("ImagePullBackOff", "ErrImagePull: 404")]}
    facts = ReleaseFacts(
        objects={WEB: deployment(0)}, pods={WEB: [pod("web-1", **statuses), pod("web-2", **statuses)]}
    )
    assert explain_release(record(WEB), facts) == [
        "Deployment shop/web: 0 of 2 pods are ready; pod web-1 and 1 more: container server: "
        "ImagePullBackOff: ErrImagePull: 404"
    ]


def test_ready_and_missing_objects_are_not_named() -> None:
    facts = ReleaseFacts(objects={WEB: deployment(2)}, pods={WEB: [pod(phase="Pending")]})
    assert explain_release(record(WEB, DATABASE), facts) == []


@pytest.mark.parametrize("replicas", [0, None])
def test_number_of_replicas(replicas: int | None) -> None:
    found = deployment(0) | {"spec": {"replicas": replicas}}
    lines = explain_release(record(WEB), ReleaseFacts(objects={WEB: found}))
    assert lines == ([] if replicas == 0 else ["Deployment shop/web: 0 of 1 pods are ready"])


def test_quota_is_the_cause_when_no_pod_exists() -> None:
    message = 'pods "web-5" is forbidden: exceeded quota: few'
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    expected = [f"Deployment shop/web: 0 of 2 pods are ready; FailedCreate: {message}"]
    found = deployment(0, conditions=[condition])
    assert explain_release(record(WEB), ReleaseFacts(objects={WEB: found})) == expected
    events = [
        event("ReplicaSet", "web-5d8f", "FailedCreate", message),
        event("ReplicaSet", "web-admin-5d8f", "FailedCreate", "of another Deployment"),
    ]
    facts = ReleaseFacts(objects={WEB: deployment(0)}, events=events)
    assert explain_release(record(WEB), facts) == expected


def test_pending_claim_of_a_pod_is_named_with_its_event() -> None:
    key = ObjectKey("PersistentVolumeClaim", "shop", "data-db-0")
    claim = {"metadata": {"name": "data-db-0", "uid": "1"}, "status": {"phase": "Pending"}}
    own = pod("db-0", conditions=[{"type": "PodScheduled", "status": "False", "message": "unbound claims"}])
    own["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "data-db-0"}}]
    stateful = {"metadata": {"name": "db"}, "spec": {"replicas": 1}, "status": {"readyReplicas": 0}}
    facts = ReleaseFacts(
        objects={DATABASE: stateful},
        pods={DATABASE: [own]},
        claims={key: claim},
        events=[event("PersistentVolumeClaim", "data-db-0", "ProvisioningFailed", 'class "a" not found')],
    )
    assert explain_release(record(DATABASE), facts) == [
        "StatefulSet shop/db: 0 of 1 pods are ready; pod db-0: Unschedulable: unbound claims",
        "StatefulSet shop/db: 0 of 1 pods are ready; PersistentVolumeClaim shop/data-db-0: phase Pending, no "
        'volume; ProvisioningFailed: class "a" not found',
    ]


def test_failed_job_of_a_hook() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    job = {"metadata": {"name": "migrate"}, "status": {"conditions": [failed]}}
    facts = ReleaseFacts(objects={JOB: job})
    assert explain_release(record(hooks=(JOB,)), facts) == [
        "Job shop/migrate (hook): failed: BackoffLimitExceeded: too often"
    ]


def test_running_job_is_named_only_as_a_hook() -> None:
    facts = ReleaseFacts(objects={JOB: {"metadata": {"name": "migrate"}, "status": {"active": 1}}})
    assert explain_release(record(JOB), facts) == []
    assert explain_release(record(hooks=(JOB,)), facts) == ["Job shop/migrate (hook): is not complete"]


def test_load_balancer_without_an_address() -> None:
    key = ObjectKey("Service", "shop", "web")
    service: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer"}}
    facts = ReleaseFacts(objects={key: service})
    assert explain_release(record(key), facts) == ["Service shop/web: has no address of a load balancer"]
    service["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    assert explain_release(record(key), facts) == []


def test_bound_claim_is_ready_and_a_pending_claim_is_not() -> None:
    claim: dict[str, Any] = {"metadata": {"name": "data"}, "status": {"phase": "Pending"}}
    facts = ReleaseFacts(objects={CLAIM: claim})
    assert explain_release(record(CLAIM), facts) == [
        "PersistentVolumeClaim shop/data: phase Pending, no volume"
    ]
    claim["status"]["phase"] = "Bound"
    assert explain_release(record(CLAIM), facts) == []
