"""Lab tests that no flag, file or process on hosts requests an unverified connection."""

from __future__ import annotations

import re

import pytest

from testkit.cluster import Cluster

INSECURE = re.compile(
    r"""
    insecure-skip-tls-verify | insecure-skip-verify | InsecureSkipVerify | insecureSkipTLSVerify
  | skip[_-]verify | skip-tls | insecure-transport | insecure-registr | kubelet-insecure-tls
  | --insecure(-port|-bind)? | plain[_-]http | tls[_-]?insecure
  | (anonymous-auth|client-cert-auth|peer-client-cert-auth)[=:\ "]+(true|false)
  | --(auto-tls|peer-auto-tls) | authorization-mode[=:\ "]+[\w,]*AlwaysAllow | "?mode"?:\ *"?AlwaysAllow
  | readOnlyPort:\ *[1-9] | read-only-port=[1-9]
  | http://(?!(127\.0\.0\.1|localhost|\[::1\])[:/])
    """,
    re.VERBOSE | re.IGNORECASE,
)
SECURE = re.compile(r"anonymous-auth[=: ]+false|client-cert-auth[=: ]+true|peer-client-cert-auth[=: ]+true")

CHECKED_DIRECTORIES = (
    "/etc/kubernetes /etc/etcd /etc/containerd /etc/cni /etc/kubewright /etc/systemd/system /var/lib/kubelet"
)
CHECKED_PROCESSES = re.compile(
    r"kubelet|kube-|etcd|containerd|flannel|kubewright|runc|coredns|metrics-server|approver|haproxy|keepalived"
)


def insecure_options(text: str) -> list[str]:
    """Return the insecure options in a text."""
    return [match.group(0) for match in INSECURE.finditer(text) if not SECURE.search(match.group(0))]


@pytest.mark.parametrize(
    "text",
    [
        "insecure-skip-tls-verify: true",
        "--anonymous-auth=true",
        "skip_verify = true",
        "--kubelet-insecure-tls",
        "server: http://10.0.0.1:8080",
        "authorization-mode=AlwaysAllow",
        "readOnlyPort: 10255",
        "--client-cert-auth=false",
    ],
)
def test_scan_finds_insecure_options(text: str) -> None:
    assert insecure_options(text), text


@pytest.mark.parametrize(
    "text", ["--anonymous-auth=false", "http://127.0.0.1:2381/health", "--client-cert-auth=true"]
)
def test_scan_accepts_secure_options(text: str) -> None:
    assert not insecure_options(text), text


def test_files_on_hosts_request_no_insecure_connection(cluster: Cluster) -> None:
    script = f"""
    find {CHECKED_DIRECTORIES} -xdev -type f -size -200k ! -path '*/pods/*' \
        ! -name '*.pem' ! -name '*.crt' ! -name '*.key' 2>/dev/null |
    while read -r file; do echo "@@ $file"; cat "$file" 2>/dev/null; echo; done
    """
    for host in cluster.nodes:
        files = cluster.ssh(host, script).stdout.split("@@ ")[1:]
        assert len(files) > 10, f"{host}: only {len(files)} files found; has the layout changed?"
        for text in files:
            path, _, content = text.partition("\n")
            if "\0" in content:
                continue
            settings = "\n".join(line for line in content.splitlines() if not line.lstrip().startswith("#"))
            assert not insecure_options(settings), f"{host}: {path}: {insecure_options(settings)}"


def test_command_lines_on_hosts_request_no_insecure_connection(cluster: Cluster) -> None:
    script = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f 2>/dev/null; echo; done"
    for host in cluster.nodes:
        lines = [
            line for line in cluster.ssh(host, script).stdout.splitlines() if CHECKED_PROCESSES.search(line)
        ]
        assert any("kubelet" in line for line in lines), f"{host}: no kubelet among {lines}"
        for line in lines:
            assert not insecure_options(line), f"{host}: {insecure_options(line)} in: {line}"


def test_objects_in_the_cluster_request_no_insecure_connection(cluster: Cluster) -> None:
    for service in cluster.items("apiservices"):
        spec, name = service["spec"], service["metadata"]["name"]
        assert not spec.get("insecureSkipTLSVerify"), name
        assert "service" not in spec or spec.get("caBundle"), f"{name}: not verified by a CA"
    for kind in ("deployments", "daemonsets", "configmaps"):
        for item in cluster.items(kind, "-A"):
            text = str(item.get("spec", item.get("data", {})))
            where = f"{kind} {item['metadata']['namespace']}/{item['metadata']['name']}"
            assert not insecure_options(text), f"{where}: {insecure_options(text)}"
