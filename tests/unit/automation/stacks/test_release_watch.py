"""Tests of the watch of releases, with an API in memory."""

from __future__ import annotations

from typing import Any, cast

from automation.errors import UserError
from automation.operations.api_client import ApiClient, ApiError
from automation.releases.drift import RELEASE_TYPE
from automation.stacks.events import Step
from automation.stacks.release_watch import ReleaseWatch
from testkit.wait import eventually
from tests.unit.automation.releases.test_record import secret

URN = "urn:pulumi:dev::kubewright::t::helm-web"


class Api:
    """An API with the records of one release and a Deployment without pods."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)
        self.reads = 0

    def get(self, path: str) -> dict[str, Any]:
        self.reads += 1
        if "/secrets?" in path:
            return {"items": self.records}
        if path.endswith("/deployments/web"):
            return {"metadata": {"name": "web"}, "spec": {"replicas": 1}}
        if "?" in path:
            return {"items": []}
        raise ApiError("not found", 404)


def step(phase: str, operation: str = "update") -> Step:
    inputs = {"name": "web", "namespace": "shop"} if phase == "plan" else {}
    return Step(operation=operation, phase=phase, urn=URN, type=RELEASE_TYPE, new=inputs)


def watch_of(api: Api) -> ReleaseWatch:
    return ReleaseWatch(lambda: cast(ApiClient, api), interval=0.01)


def test_explanation_remains_after_the_rollback() -> None:
    api = Api(secret(2, info={"status": "superseded"}), secret(3))
    watch = watch_of(api)
    watch.handle(step("plan"))
    eventually("the release is read", lambda: api.reads > 8, timeout=10, interval=0.01)
    # Helm rolls back before the engine reports the failure.
    api.records.append(secret(4, info={"status": "deployed"}))
    watch.handle(step("failed"))
    assert watch.explanations() == {
        URN: [
            "Helm release shop/web: objects that are not ready:",
            "  Deployment shop/web: 0 of 1 pods are ready",
        ]
    }


def test_release_that_succeeds_is_not_explained() -> None:
    api = Api(secret(3))
    watch = watch_of(api)
    watch.handle(step("plan"))
    eventually("the release is read", lambda: api.reads > 8, timeout=10, interval=0.01)
    watch.handle(step("done"))
    assert watch.explanations() == {}


def test_failure_after_the_end_of_the_change_is_read_once_more() -> None:
    api = Api()
    watch = watch_of(api)
    watch.handle(step("plan"))
    api.records.append(secret(1, info={"status": "failed"}))
    watch.handle(step("failed"))
    assert "Deployment shop/web" in watch.explanations()[URN][1]


def test_unreachable_cluster_has_no_explanation() -> None:
    def connect() -> ApiClient:
        raise UserError("no kubeconfig yet")

    watch = ReleaseWatch(connect, interval=0.01)
    watch.handle(step("plan"))
    watch.handle(step("failed"))
    assert watch.explanations() == {}


def test_unchanged_and_deleted_releases_are_not_read() -> None:
    api = Api(secret(3))
    watch = watch_of(api)
    for operation in ("same", "delete"):
        watch.handle(step("plan", operation))
        watch.handle(step("failed", operation))
    assert (watch.explanations(), api.reads) == ({}, 0)
