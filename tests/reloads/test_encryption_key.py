"""Lab test of a new encryption key: no service restarts, no stage can be skipped, and the API server has
loaded the key when `up` ends.
"""

from __future__ import annotations

import base64

from testkit.cluster import Cluster
from tests.lab.cluster.test_encryption import key_stage
from tests.lab.cluster.test_secrets import ETCDCTL

WORD = "kubewright-encrypted-word"


def stored_secret(cluster: Cluster, namespace: str) -> bytes:
    script = ETCDCTL + f"etcdctl get --print-value-only /registry/secrets/{namespace}/hidden | base64 -w 0"
    return base64.b64decode(cluster.ssh("cp-1", script).stdout)


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
