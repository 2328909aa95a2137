"""Tests of the records of Helm."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from automation.releases.record import ObjectKey, newest_record, parse_record

MANIFEST = """\
---
# Source: web/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web, namespace: other}
---
"""
HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\n"
RELEASE = {
    "name": "web",
    "namespace": "shop",
    "version": 3,
    "info": {"status": "pending-upgrade"},
    "chart": {"metadata": {"name": "web", "version": "1.2.0"}},
    "config": {"password": "open-sesame"},
    "manifest": MANIFEST,
    "hooks": [{"manifest": HOOK}],
}


def secret(revision: int = 3, *, compress: bool = True, **changes: object) -> dict[str, Any]:
    """Return the Secret of a revision."""
    content = json.dumps({**RELEASE, "version": revision, **changes}).encode()
    packed = base64.b64encode(gzip.compress(content) if compress else content)
    labels = {"owner": "helm", "name": "web", "version": str(revision)}
    return {"metadata": {"labels": labels}, "data": {"release": base64.b64encode(packed).decode()}}


@pytest.mark.parametrize("compress", [True, False])
def test_record_has_status_objects_and_hooks(compress: bool) -> None:
    record = parse_record(secret(compress=compress))
    assert record is not None
    assert (record.status, record.revision, record.chart) == ("pending-upgrade", 3, "web 1.2.0")
    assert record.objects == (
        ObjectKey("Deployment", "shop", "web", "apps/v1"),
        ObjectKey("ClusterRole", "other", "web", "rbac.authorization.k8s.io/v1"),
    )
    assert record.hooks == (ObjectKey("Job", "shop", "migrate", "batch/v1"),)


def test_newest_record_is_the_highest_revision() -> None:
    record = newest_record([secret(9), secret(10, info={"status": "failed"}), secret(2)])
    assert record is not None
    assert (record.revision, record.status) == (10, "failed")


def test_no_secret_is_no_record() -> None:
    assert newest_record([]) is None


@pytest.mark.parametrize(
    "damaged",
    [
        {"metadata": {"labels": {"version": "1"}}, "data": {"release": "AAAA"}},
        {"metadata": {"labels": {"version": "1"}}},
        secret(manifest="a: ["),
        {"metadata": {"labels": {"version": "one"}}},
    ],
)
def test_damaged_record_is_no_record(damaged: dict[str, Any]) -> None:
    assert newest_record([damaged]) is None
