"""Tests of the readiness checks of objects, and of the reasons why an object is not ready."""

from __future__ import annotations

from typing import Any

import pytest

from lab.plugins.kubernetes import diagnosis
from lab.plugins.kubernetes.readiness import READINESS_CHECKS, RelatedFacts
from lab.plugins.kubernetes.waiting import count_ready_endpoints


def readiness_text(kind: str, obj: dict[str, Any], facts: RelatedFacts | None = None) -> str:
    """Return the result of a readiness check as text: `ready`, `failed: …`, or the missing conditions."""
    check = next(check for (_, name), (check, _) in READINESS_CHECKS.items() if name == kind)
    readiness = check(obj, facts or RelatedFacts())
    if readiness.ready:
        return "ready"
    return f"failed: {readiness.failed}" if readiness.failed else "; ".join(readiness.missing)


def conditions(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return an object with status conditions, from pairs of type and status."""
    return {"status": {"conditions": [{"type": kind, "status": status} for kind, status in pairs]}}


def rolled_out(**status: int) -> dict[str, Any]:
    """Return a workload with two replicas whose controller has processed the current generation."""
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 2, **status},
    }


COMPLETE_STATUS = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("kind", "obj", "expected"),
    [
        ("Deployment", rolled_out(**COMPLETE_STATUS), "ready"),
        (
            "Deployment",
            rolled_out(**{**COMPLETE_STATUS, "observedGeneration": 1}),
            "its controller has not seen the change yet",
        ),
        ("Deployment", rolled_out(**{**COMPLETE_STATUS, "replicas": 3}), "1 old replicas still running"),
        (
            "Deployment",
            rolled_out(**{**COMPLETE_STATUS, "availableReplicas": 1}),
            "1 of 2 replicas available",
        ),
        ("Deployment", rolled_out(), "0 of 2 replicas updated; 0 of 2 replicas available"),
        ("Deployment", {**rolled_out(), "spec": {"replicas": 0}}, "ready"),
        ("StatefulSet", rolled_out(**COMPLETE_STATUS), "ready"),
        ("StatefulSet", rolled_out(**{**COMPLETE_STATUS, "readyReplicas": 1}), "1 of 2 replicas ready"),
        (
            "ReplicaSet",
            rolled_out(**{**COMPLETE_STATUS, "availableReplicas": 0}),
            "0 of 2 replicas available",
        ),
        (
            "DaemonSet",
            rolled_out(desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2),
            "ready",
        ),
        (
            "DaemonSet",
            rolled_out(desiredNumberScheduled=2, updatedNumberScheduled=1, numberAvailable=2),
            "1 of 2 pods updated",
        ),
        ("DaemonSet", rolled_out(desiredNumberScheduled=0), "ready"),
        ("Job", conditions(("Complete", "True")), "ready"),
        ("Job", conditions(("Failed", "True")), "failed: Failed is True"),
        ("Job", {"status": {"active": 1}}, "not complete (pods: 1 active, 0 succeeded, 0 failed)"),
        ("Job", {"spec": {"suspend": True}}, "ready"),
        ("APIService", conditions(("Available", "True")), "ready"),
        ("APIService", conditions(("Available", "False")), "Available is False"),
        ("APIService", {}, "condition Available is not there yet"),
        (
            "CustomResourceDefinition",
            conditions(("NamesAccepted", "False")),
            "failed: NamesAccepted is False",
        ),
        ("CustomResourceDefinition", conditions(("NamesAccepted", "True"), ("Established", "True")), "ready"),
        ("Namespace", {"status": {"phase": "Active"}}, "ready"),
        ("Namespace", {"status": {"phase": "Terminating"}}, "its phase is Terminating, not Active"),
        ("Pod", {"status": {"phase": "Succeeded"}}, "ready"),
        ("Pod", conditions(("Ready", "True")), "ready"),
        ("Pod", {"status": {"phase": "Failed", "reason": "Evicted"}}, "failed: it failed: Evicted"),
        ("Ingress", {}, "no address from the ingress controller"),
        ("Service", {"spec": {"type": "ExternalName"}}, "ready"),
        ("Service", {"spec": {"clusterIP": "10.0.0.1"}}, "ready"),
        ("Service", {"spec": {"selector": {"a": "b"}}}, "no ready pod matches its selector"),
        ("Service", {"spec": {"type": "LoadBalancer"}}, "no address from the load balancer"),
        ("PersistentVolumeClaim", {"status": {"phase": "Pending"}}, "it is not bound to a volume"),
        ("PersistentVolumeClaim", {"status": {"phase": "Lost"}}, "failed: its volume is lost"),
    ],
)
def test_readiness_of_each_kind(kind: str, obj: dict[str, Any], expected: str) -> None:
    assert readiness_text(kind, obj) == expected


def test_endpoints_and_storage_class_make_objects_ready() -> None:
    assert (
        readiness_text("Service", {"spec": {"selector": {"a": "b"}}}, RelatedFacts(ready_endpoints=1))
        == "ready"
    )
    assert readiness_text("PersistentVolumeClaim", {}, RelatedFacts(waits_for_consumer=True)) == "ready"


def test_stuck_rollout_reports_the_reason() -> None:
    stuck = rolled_out()
    stuck["status"]["conditions"] = [
        {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "message": "too slow",
        }
    ]
    assert "Progressing is False: ProgressDeadlineExceeded (too slow)" in readiness_text("Deployment", stuck)


def test_only_ready_endpoints_are_counted() -> None:
    endpoints = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        {"addresses": ["10.0.0.3"]},
    ]
    assert count_ready_endpoints([{"endpoints": endpoints}, {"endpoints": None}]) == 2


def test_problem_of_a_pod() -> None:
    waiting = {
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
        "name": "main",
    }
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [waiting]}}
    assert diagnosis.pod_problem(pod) == "pod p, container main: ImagePullBackOff (no such image)"
    unscheduled = conditions(("PodScheduled", "False")) | {"metadata": {"name": "p"}}
    assert diagnosis.pod_problem(unscheduled) == "pod p: PodScheduled is False"
    assert diagnosis.pod_problem(conditions(("Ready", "True"))) == ""


def test_latest_warnings_about_an_object() -> None:
    events = [
        {
            "reason": f"R{n}",
            "message": "m",
            "lastTimestamp": f"2026-01-01T00:00:0{n}Z",
            "involvedObject": {"name": who},
        }
        for n, who in enumerate(["a", "b", "a", "a", "a"])
    ]
    assert diagnosis.warnings(events, {"a"}) == ["event R2: m", "event R3: m", "event R4: m"]
