"""Fault tests of the encryption: no request fails during a rotation of the key, with a KMS plugin and back.

The client writes and reads ConfigMaps, so the test of the key encrypts them too.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from artifacts.cache import Cache
from testkit import reference_kms
from testkit.figures import RecordFigures
from testkit.stackfile import CLUSTER
from testkit.wait import eventually
from tests.faults.ha import HaCluster
from tests.faults.load import ClientProcess, assert_limits, running_client

MAX_WRITE_GAP = 5
"""Maximum time without a successful write, in seconds."""
DIRECTORY = "/opt/reference-kms"
UNIT = f"""\
[Unit]
Description=Reference KMS plugin of tests

[Service]
Group=kube-apiserver
UMask=0007
ExecStart={DIRECTORY}/{reference_kms.NAME} --socket={DIRECTORY}/kms.sock --keys={DIRECTORY}/keys
Restart=always

[Install]
WantedBy=multi-user.target
"""
INSTALL = f"""
set -eu
umask 077
mkdir -p {DIRECTORY}
base64 -d >{DIRECTORY}/{reference_kms.NAME} <<'END'
@program@
END
chmod 755 {DIRECTORY}
chmod 700 {DIRECTORY}/{reference_kms.NAME}
echo '@key@' >{DIRECTORY}/keys
cat >/etc/systemd/system/reference-kms.service <<'END'
{UNIT}END
systemctl daemon-reload
systemctl enable --now reference-kms.service
"""
REMOVE = f"""
systemctl disable --now reference-kms.service
rm -rf {DIRECTORY} /etc/systemd/system/reference-kms.service
systemctl daemon-reload
"""
KMS = {"name": "reference", "endpoint": f"unix://{DIRECTORY}/kms.sock", "after": "reference-kms.service"}
ETCDCTL = """
export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=/etc/etcd/pki/etcd-ca.crt
export ETCDCTL_CERT=/etc/etcd/pki/operator.crt ETCDCTL_KEY=/etc/etcd/pki/operator.key
/usr/local/lib/kubewright/bin/etcdctl """
READINESS = (
    "/usr/local/lib/kubewright/bin/kubectl --kubeconfig=/etc/kubernetes/admin.conf "
    "get --raw '/readyz?verbose' 2>&1 || true"
)


def install_plugin(cluster: HaCluster, program: Path, key: str) -> None:
    """Install the plugin with the same key on all control planes."""
    encoded = base64.b64encode(program.read_bytes()).decode()
    script = INSTALL.replace("@program@", encoded).replace("@key@", key.strip())
    for host in cluster.control_planes:
        cluster.ssh(host, script, timeout=120)


def prefixes(cluster: HaCluster, resource: str) -> set[bytes]:
    """Return the prefixes of all encrypted objects of a resource in etcd."""
    script = ETCDCTL + f"get --prefix --print-value-only /registry/{resource}/ | base64 -w 0"
    values = base64.b64decode(cluster.ssh(cluster.members[0], script, timeout=120).stdout)
    return {b":".join(part.split(b":", 3)[:3]) for part in values.split(b"k8s:enc:")[1:]}


def deploy(cluster: HaCluster, change: dict[str, object]) -> None:
    cluster.merge_settings(change)
    cluster.up()


def encryption(**settings: object) -> dict[str, object]:
    return {"api": {"encryption": settings}}


def remove_encryption_settings(cluster: HaCluster) -> None:
    cluster.config[CLUSTER]["api"].pop("encryption")
    cluster.up()


def assert_no_failure(client: ClientProcess, cluster: HaCluster, record_figures: RecordFigures) -> None:
    report = assert_limits(client, cluster, MAX_WRITE_GAP, record_figures)
    assert not report.failed, "\n".join(report.failed[:20])


@pytest.mark.timeout(3600)
def test_key_is_replaced_without_a_failed_request(
    healthy_cluster: HaCluster, record_figures: RecordFigures
) -> None:
    def change(resource: str, key: str) -> dict[str, object]:
        settings = encryption(resources={"secrets": "done", "configmaps": resource})
        return settings | {"certificates": {"encryption": {"generation": 2, "stage": key}}}

    with running_client(healthy_cluster) as client:
        for resource, key in (("trust", "trust"), ("done", "sign")):
            began = time.monotonic()
            deploy(healthy_cluster, change(resource, key))
            record_figures(stage=key, up=round(time.monotonic() - began, 1))
        began = time.monotonic()
        healthy_cluster.command("encryption", "rewrite")
        record_figures(rewrite=round(time.monotonic() - began, 1))
        deploy(healthy_cluster, change("done", "done"))
        assert prefixes(healthy_cluster, "secrets") == {b"secretbox:v1:key2"}
        assert prefixes(healthy_cluster, "configmaps") == {b"secretbox:v1:key2"}
        # At the end ConfigMaps are not encrypted, as before the test. The key stays in its second generation.
        deploy(healthy_cluster, change("trust", "done"))
        healthy_cluster.command("encryption", "rewrite")
        remove_encryption_settings(healthy_cluster)
        assert prefixes(healthy_cluster, "configmaps") == set()
        assert_no_failure(client, healthy_cluster, record_figures)


@pytest.mark.timeout(3600)
def test_kms_plugin_and_back_without_a_failed_request(
    healthy_cluster: HaCluster, record_figures: RecordFigures
) -> None:
    install_plugin(healthy_cluster, reference_kms.build_plugin(Cache.default()), reference_kms.new_key())
    healthy_cluster.kubectl("create", "secret", "generic", "hidden", "--from-literal=word=plain-word")
    with running_client(healthy_cluster) as client:
        for stage in ("trust", "sign"):
            deploy(healthy_cluster, encryption(kms=KMS | {"stage": stage}))
        healthy_cluster.command("encryption", "rewrite")
        deploy(healthy_cluster, encryption(kms=KMS | {"stage": "done"}))
        assert prefixes(healthy_cluster, "secrets") == {b"kms:v2:reference"}
        assert_no_failure(client, healthy_cluster, record_figures)
    assert_the_plugin_is_needed(healthy_cluster)
    with running_client(healthy_cluster) as client:
        for stage in ("sign", "trust"):
            deploy(healthy_cluster, encryption(kms=KMS | {"stage": stage}))
        healthy_cluster.command("encryption", "rewrite")
        remove_encryption_settings(healthy_cluster)
        assert b"kms:v2:reference" not in prefixes(healthy_cluster, "secrets")
        assert_no_failure(client, healthy_cluster, record_figures)
    healthy_cluster.kubectl("delete", "secret", "hidden")
    for host in healthy_cluster.control_planes:
        healthy_cluster.ssh(host, REMOVE)


def assert_the_plugin_is_needed(cluster: HaCluster) -> None:
    """Without the keys of one plugin, its API server names the plugin, and the others serve requests."""
    host = cluster.control_planes[0]
    # The API server would start a stopped plugin, because its unit wants the unit of the plugin.
    cluster.ssh(host, f"mv {DIRECTORY}/keys {DIRECTORY}/away && systemctl --no-block restart kube-apiserver")
    try:
        eventually(
            f"the API server of {host} names the plugin",
            lambda: "[-]kms-providers failed" in cluster.ssh(host, READINESS).stdout,
            timeout=120,
        )
        assert "kms-providers" in cluster.command("status", check=False).stdout
        assert cluster.get("secret", "hidden")["data"]["word"] == base64.b64encode(b"plain-word").decode()
    finally:
        cluster.ssh(host, f"mv {DIRECTORY}/away {DIRECTORY}/keys")
    eventually(
        f"the API server of {host} is ready",
        lambda: "readyz check passed" in cluster.ssh(host, READINESS).stdout,
        timeout=120,
    )
