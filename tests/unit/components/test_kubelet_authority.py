"""Tests of the move of kubelets from the CA `kubernetes` to a CA of their own [B4]."""

from __future__ import annotations

import random

import pytest

from tests.unit.components.graph import Json
from tests.unit.components.rotating_cluster import RotatingCluster


def serving_stage(stage: str) -> Json:
    return {"authorities": {"kubelet-serving": {"generation": 1, "stage": stage}}}


def certify_kubelets_with_the_cluster_authority(cluster: RotatingCluster) -> None:
    """Give all kubelets serving certificates as in versions without the CA `kubelet-serving`."""
    for host in cluster.hosts.values():
        host.serving = None
    cluster.up(serving_stage("trust"), random.Random(3), check=False)
    shared = cluster.hosts["cp-1"].certificate("/etc/kubernetes/pki/kubernetes-ca.crt")
    assert {host.serving.issuer for host in cluster.hosts.values() if host.serving} == {shared.subject}


@pytest.mark.parametrize("first", [{}, serving_stage("trust")], ids=["default", "trust"])
def test_kubelets_move_to_their_own_authority(cluster: RotatingCluster, first: Json) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    order = random.Random(5)
    for certificates in (first, serving_stage("sign"), serving_stage("done")):
        cluster.up(certificates, order)
    trusted = cluster.hosts["cp-2"].trusted_certificates("/etc/kubernetes/pki/kubelet-serving-ca.crt")
    assert [pem.subject.rfc4514_string().split()[-1] for pem in trusted] == ["kubelet-serving-ca"]


def test_the_default_keeps_the_certificates_of_kubelets(cluster: RotatingCluster) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    before = {name: host.serving for name, host in cluster.hosts.items()}
    cluster.up({}, random.Random(5))
    assert {name: host.serving for name, host in cluster.hosts.items()} == before


def test_the_shared_authority_must_not_leave_before_kubelets_have_new_certificates(
    cluster: RotatingCluster,
) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    with pytest.raises(AssertionError, match="serves API"):
        cluster.up(serving_stage("done"), random.Random(1))
