"""Tests of certificate rotation [B3]: the changes of each stage, and working connections after each step."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from providers.cloud.issuer_documents import signing_algorithms
from tests.unit.components.graph import Graph, Json
from tests.unit.components.rotating_cluster import (
    CONTROL_PLANES,
    RotatingCluster,
    has_changed_inputs,
    pems,
    pod_annotations,
    script,
)

AUTHORITIES = ("kubernetes", "etcd", "front-proxy", "kubelet-serving")


def rotation_settings(stage: str, generation: int = 2) -> Json:
    """Return settings in which all authorities and the service account key are in one stage."""
    section = {"generation": generation, "stage": stage}
    return {"authorities": dict.fromkeys(AUTHORITIES, section), "service_account": section}


@pytest.mark.parametrize("seed", range(2))
def test_all_connections_work_at_every_step_of_every_stage(cluster: RotatingCluster, seed: int) -> None:
    order = random.Random(seed)
    for generation, stage in itertools.product((2, 3), ("trust", "sign", "done")):
        cluster.up(rotation_settings(stage, generation), order)
    cluster.up({**rotation_settings("done", 3), "leaves": 2}, order)


def test_stages_can_be_reverted(cluster: RotatingCluster) -> None:
    order = random.Random(7)
    for certificates in (
        rotation_settings("trust"),
        rotation_settings("sign"),
        rotation_settings("trust"),
        {},
    ):
        cluster.up(certificates, order)


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, "sign"), (None, "done"), ("trust", "done")],
    ids=lambda stage: stage or "nothing",
)
def test_a_skipped_stage_breaks_a_connection(
    cluster: RotatingCluster, first: str | None, second: str
) -> None:
    """Skipping a stage must break a connection, which is why hosts refuse to skip a stage.

    If no connection broke, `test_all_connections_work_at_every_step_of_every_stage` could not detect errors.
    """
    if first:
        cluster.up(rotation_settings(first), random.Random(1))
    with pytest.raises(AssertionError, match="after "):
        cluster.up(rotation_settings(second), random.Random(1))


def test_rotation_from_an_ecdsa_key_to_an_rsa_key_keeps_the_ecdsa_key_until_its_end(
    cluster: RotatingCluster,
) -> None:
    """Test that tokens are accepted at every step, and that only the new generation is an RSA key."""
    expected = {"trust": ["ES256", "RS256"], "sign": ["ES256", "RS256"], "done": ["RS256"]}
    cluster.up({}, random.Random(3))
    first = public_keys(cluster)
    for stage, algorithms in expected.items():
        cluster.up({"service_account": {"generation": 2, "stage": stage, "rsa_from": 2}}, random.Random(3))
        assert signing_algorithms(public_keys(cluster)) == algorithms
        assert (first in public_keys(cluster)) == (stage != "done")


def test_existing_key_of_service_account_tokens_keeps_its_kind(cluster: RotatingCluster) -> None:
    """Test that a changed `rsa_from` cannot replace a key, which would make all tokens invalid."""
    graph = cluster.run_program({"service_account": {"generation": 2, "stage": "trust", "rsa_from": 2}})
    kinds = ("algorithm", "ecdsaCurve", "rsaBits")
    kept = {node.name for node in graph.nodes.values() if node.ignore_changes == kinds}
    assert kept == {"cluster-pki-service-account-key", "cluster-pki-service-account-2-key"}


def public_keys(cluster: RotatingCluster) -> str:
    return cluster.hosts["cp-2"].files["/etc/kubernetes/pki/service-account.pub"]


def test_each_stage_is_one_line_per_authority_in_bundles(cluster: RotatingCluster) -> None:
    expected_generations = {"trust": "1 1 2", "sign": "2 1 2", "done": "2 2"}
    for stage, generations in expected_generations.items():
        graph = cluster.run_program(rotation_settings(stage))
        plane = [line for line in script(graph, "cp-1-control-plane") if line.startswith("trust ")]
        assert plane == [f"trust {name} {generations}" for name in (*AUTHORITIES, "service-account")], stage
        for worker in ("w-1-node", "w-2-node"):
            trust_lines = [line for line in script(graph, worker) if line.startswith("trust ")]
            assert trust_lines == [f"trust kubernetes {generations}"]


def test_trust_bundles_have_all_trusted_certificates_and_only_one_signs(cluster: RotatingCluster) -> None:
    counts = {"trust": 2, "sign": 2, "done": 1}
    for stage, count in counts.items():
        cluster.up(rotation_settings(stage), random.Random(2))
        files = cluster.hosts["cp-2"].files
        for name in AUTHORITIES:
            assert len(pems(files[f"/etc/kubernetes/pki/{name}-ca.crt"])) == count
        assert len(pems(files["/etc/kubernetes/pki/kubernetes-ca-signer.crt"])) == 1
        assert files["/etc/kubernetes/pki/service-account.pub"].count("BEGIN PUBLIC KEY") == count
        assert len({str(pem.subject) for pem in pems(files["/etc/etcd/pki/etcd-ca.crt"])}) == count


def test_a_cluster_without_rotation_has_no_rotation_resources(cluster: RotatingCluster) -> None:
    # An entry of `kubelet-serving` always has an effect, because the first generation of this CA replaces
    # another CA (topology.model.first_rotation).
    section = {"generation": 1, "stage": "done"}
    others = {name: section for name in AUTHORITIES if name != "kubelet-serving"}
    first = cluster.run_program({"authorities": others, "service_account": section})
    plain = cluster.run_program({})
    assert plain.names == first.names
    for node in plain.nodes.values():
        assert node.inputs == first.nodes[node.urn].inputs, node.name
    assert not [node for node in plain.nodes.values() if node.name == "cluster-published"]
    assert "signer=" not in "\n".join(script(plain, "w-1-node"))


def test_a_rotated_authority_adds_only_its_own_resources(cluster: RotatingCluster) -> None:
    plain = cluster.run_program({})
    trust = cluster.run_program({"authorities": {"etcd": {"generation": 2, "stage": "trust"}}})
    tls = "tls:index"
    assert trust.names - plain.names == {
        (f"{tls}/privateKey:PrivateKey", "cluster-pki-etcd-ca-2-key"),
        (f"{tls}/selfSignedCert:SelfSignedCert", "cluster-pki-etcd-ca-2"),
    }
    changed = {node.name for node in trust.nodes.values() if has_changed_inputs(plain, node)}
    assert {name for name in changed if name.startswith(("w-", "coredns", "metrics"))} == set()
    assert changed >= {f"{plane}-etcd" for plane in CONTROL_PLANES}


def test_a_new_generation_of_leaves_replaces_only_their_keys(cluster: RotatingCluster) -> None:
    def triggers(graph: Graph) -> dict[str, object]:
        keys = graph.of_type(":PrivateKey")
        return {node.name: node.replacement_trigger for node in keys}

    first, second = triggers(cluster.run_program({})), triggers(cluster.run_program({"leaves": 2}))
    replaced = {name for name in first if first[name] != second[name]}
    unchanged_keys = {
        "kubernetes-ca",
        "etcd-ca",
        "front-proxy-ca",
        "kubelet-serving-ca",
        "service-account",
        "bootstrap",
        "encryption",
    }
    assert set(first) - replaced == {f"cluster-pki-{name}-key" for name in unchanged_keys}
    plugins = cluster.plugins
    before = dict(plugins.states_of_type("LocallySignedCert"))
    for name in replaced:
        plugins.forget(name)
    cluster.up({"leaves": 2}, random.Random(3))
    after = plugins.states_of_type("LocallySignedCert")
    assert all(before[name] != after[name] for name in before)
    assert len(replaced) == len(after)


def test_add_ons_restart_after_pods_see_new_certificates(cluster: RotatingCluster) -> None:
    annotations_by_stage = []
    for stage in ("trust", "sign", "done"):
        graph = cluster.run_program(rotation_settings(stage))
        # Kubelets request certificates only when a controller manager signs them.
        for node in ("cp-1-node", "w-1-node"):
            assert "cluster-published" in graph.dependencies(graph.node(node))
        for name in ("coredns-deployment", "metrics-server-deployment"):
            assert "cluster-published" in graph.dependencies(graph.node(name))
        assert {f"{plane}-control-plane" for plane in CONTROL_PLANES} <= graph.dependencies(
            graph.node("cluster-published")
        )
        annotations_by_stage.append(
            json.dumps(pod_annotations(graph, "metrics-server-deployment"), sort_keys=True)
        )
    assert len(set(annotations_by_stage)) == 3
