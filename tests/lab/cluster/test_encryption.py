"""Lab tests of a new encryption key: no service restarts, no stage can be skipped, and the API server has
loaded the key when `up` ends.
"""

from __future__ import annotations

import base64

import pytest

from testkit.cluster import Cluster
from tests.lab.cluster.test_secrets import ETCDCTL

WORD = "kubewright-encrypted-word"


def stored_secret(cluster: Cluster, namespace: str) -> bytes:
    script = ETCDCTL + f"etcdctl get --print-value-only /registry/secrets/{namespace}/hidden | base64 -w 0"
    return base64.b64decode(cluster.ssh("cp-1", script).stdout)


def key_stage(stage: str) -> dict[str, object]:
    return {"certificates": {"encryption": {"generation": 2, "stage": stage}}}


def test_objects_are_counted_by_key(cluster: Cluster) -> None:
    result = cluster.command("encryption")
    assert "key1" in result.stdout
    assert "all objects are encrypted as the stack file describes" in result.stdout


@pytest.mark.parametrize("stage", ["sign", "done"])
def test_a_skipped_stage_is_refused_before_anything_changes(cluster: Cluster, stage: str) -> None:
    with cluster.edited_stack_file(key_stage(stage)):
        refused = cluster.command("up", check=False)
    assert refused.code != 0
    assert "certificates.encryption: requested is that API servers write objects of key2" in refused.text
    assert "on cp-1 they write objects of key1 and can read objects of key1;" in refused.text


@pytest.mark.timeout(1200)
def test_a_new_key_and_back(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "secret", "generic", "-n", namespace, "hidden", f"--from-literal=word={WORD}")
    before = cluster.services("cp-1")
    try:
        for stage in ("trust", "sign"):
            cluster.merge_settings(key_stage(stage))
            cluster.up()
            file = cluster.ssh("cp-1", "sha256sum </etc/kubernetes/pki/encryption.yaml").stdout.split()[0]
            assert file in cluster.kubectl("get", "--raw", "/metrics").stdout, f"not loaded after {stage}"
        assert stored_secret(cluster, namespace).startswith(b"k8s:enc:secretbox:v1:key1:")
        assert cluster.command("encryption", check=False).code == 1
        with cluster.edited_stack_file(key_stage("done")):
            refused = cluster.command("up", check=False)
            assert refused.code != 0
            assert "objects in etcd need: " in refused.text
        cluster.command("encryption", "rewrite")
        raw = stored_secret(cluster, namespace)
        assert raw.startswith(b"k8s:enc:secretbox:v1:key2:")
        assert WORD.encode() not in raw
        cluster.command("encryption")
    finally:
        cluster.merge_settings(key_stage("trust"))
        cluster.up()
        cluster.command("encryption", "rewrite")
        cluster.config["kubewright:cluster"].pop("certificates")
        cluster.up()
    assert stored_secret(cluster, namespace).startswith(b"k8s:enc:secretbox:v1:key1:")
    assert cluster.services("cp-1") == before
    data = cluster.get("secret", "-n", namespace, "hidden")["data"]["word"]
    assert base64.b64decode(data).decode() == WORD
