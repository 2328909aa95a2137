"""Clusters with a registry on mocks, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_cert_manager import ISSUERS
from tests.unit.settings.wrong_distribution import HASH, S3, TOKEN, USERS, settings

COLLECTION: Json = {"garbage_collection": {"schedule": "0 3 * * 0", "delete_untagged": True}}
BOTH = USERS | {"robot": {"password_hash": HASH}}


def deployed(deploy: Deploy, directory: Path, **edits: object) -> Graph:
    addons: Json = {"registry": settings(**edits)}
    issuers = {"cert_manager": {"issuers": ISSUERS}} if "issuer" in edits else {}
    config: Any = cluster_config(directory, workers=2, addons=addons | issuers)
    return deploy(config)


def with_volume(deploy: Deploy, directory: Path) -> Graph:
    """Return a registry with a volume, two users and garbage collection. Nodes have a login."""
    return deployed(deploy, directory, users=BOTH, node_user="alice", **COLLECTION)


def with_bucket(deploy: Deploy, directory: Path) -> Graph:
    """Return a registry with a bucket, a token service and two pods."""
    return deployed(deploy, directory, storage={"s3": S3}, users={}, token=TOKEN, replicas=2, **COLLECTION)


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(name).inputs["spec"])


def pod(graph: Graph, workload: str = "registry") -> Any:  # noqa: ANN401 - JSON
    return spec(graph, f"registry-{workload}")["template"]


def container(graph: Graph, workload: str = "registry") -> Any:  # noqa: ANN401 - JSON
    [only] = pod(graph, workload)["spec"]["containers"]
    return only


def steps(graph: Graph) -> list[Any]:
    """Return all containers of garbage collection in their order."""
    job = spec(graph, "registry-collection")["jobTemplate"]["spec"]["template"]["spec"]
    return [*job["initContainers"], *job["containers"]]


def file(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(graph.node("registry-settings").inputs["data"][name])
