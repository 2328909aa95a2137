"""Tests of `protect`: in production the engine must not delete the authorities and the encryption key."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config
from tests.unit.components.test_rotation import rotation_settings

SIGNING = {
    f"cluster-pki-{name}"
    for name in (
        *("kubernetes-ca", "kubernetes-ca-key", "etcd-ca", "etcd-ca-key"),
        *("front-proxy-ca", "front-proxy-ca-key", "kubelet-serving-ca", "kubelet-serving-ca-key"),
        *("service-account-key", "encryption-key"),
    )
}


def protected(graph: Graph) -> set[str]:
    """Return the names of the protected resources."""
    return {node.name for node in graph.nodes.values() if node.protect}


def production_graph(deploy: Deploy, directory: Path, certificates: Json) -> Graph:
    config = cluster_config(
        directory, workers=2, control_planes=3, environment="production", certificates=certificates
    )
    return deploy(config)


def test_authorities_and_the_encryption_key_are_protected_in_production(
    deploy: Deploy, tmp_path: Path
) -> None:
    assert protected(production_graph(deploy, tmp_path, {})) == SIGNING


def test_other_environments_have_no_protected_resources(deploy: Deploy, tmp_path: Path) -> None:
    for environment in ("poc", "lab", "test"):
        config = cluster_config(tmp_path, workers=0, environment=environment)
        assert protected(deploy(config)) == set()


def test_a_rotation_deletes_no_resource_that_the_previous_stage_protected(
    deploy: Deploy, tmp_path: Path
) -> None:
    stages: list[Json] = [{}]
    for stage in ("trust", "sign", "done"):
        stages.append(rotation_settings(stage) | {"encryption": {"generation": 2, "stage": stage}})
    graphs = [production_graph(deploy, tmp_path, stage) for stage in stages]
    for before, after in itertools.pairwise(graphs):
        deleted = {name for _, name in before.names - after.names}
        assert not deleted & protected(before)
    # The last stage deletes the first generation, and the second generation is protected.
    last_deleted = {name for _, name in graphs[2].names - graphs[3].names}
    assert {"cluster-pki-etcd-ca", "cluster-pki-encryption-key"} <= last_deleted
    assert {"cluster-pki-etcd-ca-2", "cluster-pki-encryption-2-key"} <= protected(graphs[3])
    assert len(protected(graphs[3])) == len(SIGNING)
