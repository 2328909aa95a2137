"""Lab tests of secrets, which must be encrypted in etcd and visible nowhere."""

from __future__ import annotations

import base64
import re

import pytest

from testkit.cluster import Cluster
from testkit.processes import CommandLineWatch, command_lines
from testkit.secretscan import Secret, secrets_in, secrets_of_state, visible_secrets

ETCDCTL = """
export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=/etc/etcd/pki/etcd-ca.crt
export ETCDCTL_CERT=/etc/etcd/pki/operator.crt ETCDCTL_KEY=/etc/etcd/pki/operator.key
PATH=$PATH:/usr/local/lib/kubewright/bin
"""
KEY_FILES = "/etc/kubernetes /etc/etcd /var/lib/kubelet /etc/kubewright"


@pytest.fixture(scope="module")
def cluster_secrets(cluster: Cluster) -> list[Secret]:
    """Return the secrets of the cluster, read from the state of the stack and from key files on hosts."""
    secrets = secrets_of_state(cluster.pulumi("stack", "export", "--show-secrets"))
    names = {secret.name for secret in secrets}
    for kind in ("private key", "token", "encryption key"):
        assert any(name.startswith(kind) for name in names), f"no {kind} found in the state: {names}"
    script = f"find {KEY_FILES} -xdev -type f -size -64k -exec cat {{}} + 2>/dev/null; true"
    for host in cluster.nodes:
        host_secrets = list(secrets_in(host, cluster.ssh(host, script).stdout))
        assert host_secrets, f"{host}: no private key found; has the layout changed?"
        secrets += host_secrets
    return secrets


def test_secret_is_encrypted_in_etcd(cluster: Cluster, namespace: str) -> None:
    word = "kubewright-plain-word"
    cluster.kubectl("create", "secret", "generic", "-n", namespace, "hidden", f"--from-literal=word={word}")
    script = ETCDCTL + f"etcdctl get /registry/secrets/{namespace}/hidden | base64 -w 0"
    raw = base64.b64decode(cluster.ssh("cp-1", script).stdout)
    assert b"/hidden\nk8s:enc:secretbox:v1:" in raw, raw[:120]
    assert word.encode() not in raw
    assert base64.b64encode(word.encode()) not in raw


def test_every_secret_of_the_cluster_is_encrypted(cluster: Cluster) -> None:
    script = ETCDCTL + "etcdctl get /registry/secrets/ --prefix --print-value-only | base64 -w 0"
    raw = base64.b64decode(cluster.ssh("cp-1", script).stdout)
    count = len(cluster.items("secrets", "-A"))
    assert count > 0
    assert len(re.findall(rb"k8s:enc:secretbox:v1:", raw)) == count


def test_scan_finds_plain_and_encoded_secrets(cluster_secrets: list[Secret]) -> None:
    secret = cluster_secrets[0]
    for text in (
        f"a {secret.value} b",
        *(base64.b64encode(b"x" * n + secret.value.encode()).decode() for n in range(3)),
    ):
        assert visible_secrets([secret], text) == [secret.name]


def test_engine_output_contains_no_secret(cluster: Cluster, cluster_secrets: list[Secret]) -> None:
    output = "\n".join(cluster.outputs)
    assert "cp-1" in output, "the output of `up` was not recorded"
    assert visible_secrets(cluster_secrets, output) == []


def test_preview_with_changes_contains_no_secret(cluster: Cluster, cluster_secrets: list[Secret]) -> None:
    change = {"pools": {"workers": {"kubelet": {"max_pods": 42}}}, "api": {"event_ttl": "2h"}}
    with cluster.edited_stack_file(change):
        assert visible_secrets(cluster_secrets, cluster.preview().text) == []
        assert visible_secrets(cluster_secrets, cluster.command("preview", "--json").text) == []


def test_state_contains_no_plain_secret(cluster: Cluster, cluster_secrets: list[Secret]) -> None:
    assert visible_secrets(cluster_secrets, cluster.pulumi("stack", "export")) == []
    files = [path for path in (cluster.state / "backend").rglob("*") if path.is_file()]
    assert any(path.name.startswith(cluster.name) for path in files), f"no state file among {files}"
    files += [path for path in (cluster.state / "stacks" / cluster.name).glob("*.yaml") if path.is_file()]
    for path in files:
        assert visible_secrets(cluster_secrets, path.read_bytes().decode(errors="replace")) == [], path


def test_no_command_line_contains_a_secret(cluster_secrets: list[Secret], watch: CommandLineWatch) -> None:
    """No command line contains a secret during the creation of the cluster (sampled four times a second) or
    now.
    """
    assert any("pulumi" in line for line in watch.command_lines), "the engine was not observed"
    assert any("kubelet" in line for line in watch.command_lines), "the processes of hosts were not observed"
    for line in watch.command_lines | command_lines():
        assert visible_secrets(cluster_secrets, line) == [], f"the process {line.split()[0]}"


def test_no_process_environment_on_hosts_contains_a_secret(
    cluster: Cluster, cluster_secrets: list[Secret]
) -> None:
    for host in cluster.nodes:
        text = cluster.ssh(host, "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'").stdout
        assert "PATH=" in text, host
        assert visible_secrets(cluster_secrets, text) == [], host


def test_no_journal_contains_a_secret(cluster: Cluster, cluster_secrets: list[Secret]) -> None:
    for host in cluster.nodes:
        text = cluster.ssh(host, "journalctl --no-pager --all --output=cat 2>&1", timeout=120).stdout
        assert "kubelet" in text.lower(), f"{host}: the journal has no entries of the node: {text[:200]}"
        assert visible_secrets(cluster_secrets, text) == [], host


def test_key_files_are_readable_only_by_their_owner(cluster: Cluster) -> None:
    script = f"""
    find {KEY_FILES} /var/lib/kubewright -xdev -type f -size -64k -perm /077 2>/dev/null |
    while read -r file; do
        while read -r line; do
            case $line in *'PRIVATE KEY'*|*'secret: '*) echo "$file"; break ;; esac
        done <"$file"
    done
    """
    for host in cluster.nodes:
        assert cluster.ssh(host, script).stdout.split() == [], f"{host}: readable by others"
