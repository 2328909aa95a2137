"""Lab tests of the users of services of a control plane: what each user can read and change on its host."""

from __future__ import annotations

import pytest

from testkit.cluster import Cluster
from testkit.wait import eventually

HOST = "cp-1"
WITH_COPIES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet-csr-approver")
USERS = ("etcd", *WITH_COPIES)
"""The users, which have the names of their programs."""
AS_USER = "setpriv --reuid={user} --regid={user} --clear-groups -- "


def test_no_service_of_the_control_plane_runs_as_root(cluster: Cluster) -> None:
    script = 'for process in /proc/[0-9]*; do echo "$(stat -c %U "$process") $(cat "$process/comm")"; done'
    lines = cluster.ssh(HOST, f"{script} 2>/dev/null").stdout.splitlines()
    users = {tuple(reversed(line.split(" ", 1))) for line in lines}
    names = {program[:15]: program for program in USERS}  # the kernel cuts names
    assert {(names[name], user) for name, user in users if name in names} == {(user, user) for user in USERS}


@pytest.mark.parametrize("user", WITH_COPIES)
def test_a_service_reads_and_changes_only_its_own_secrets(cluster: Cluster, user: str) -> None:
    script = f"""
        for path in /etc/kubernetes/*.conf /etc/kubernetes/pki/* /etc/etcd/pki/*.key /run/kubernetes/*/*; do
            if {AS_USER.format(user=user)} test -r "$path"; then echo "$path"; fi
        done
        for path in /run/kubernetes/{user} /run/kubernetes/{user}/*; do
            if {AS_USER.format(user=user)} test -w "$path"; then echo "writable $path"; fi
        done
    """
    readable = cluster.ssh(HOST, script).stdout.split("\n")[:-1]
    copies = [path for path in readable if path.startswith("/run/")]
    assert copies
    assert all(path.startswith(f"/run/kubernetes/{user}/") for path in copies)
    others = [path for path in readable if not path.startswith("/run/")]
    assert [path for path in others if not path.endswith((".crt", ".pub"))] == []


def test_copies_are_in_memory(cluster: Cluster) -> None:
    assert cluster.ssh(HOST, "findmnt -no FSTYPE --target /run/kubernetes").stdout.strip() == "tmpfs"


def test_a_service_cannot_end_a_process_of_another(cluster: Cluster) -> None:
    """Root without capabilities could end every process of root, such as the kubelet."""
    kubelet = "$(systemctl show --property MainPID --value kubelet.service)"
    assert cluster.ssh(HOST, f"kill -0 {kubelet}").code == 0
    result = cluster.ssh(HOST, f"{AS_USER.format(user='kube-scheduler')} kill -0 {kubelet}", check=False)
    assert "not permitted" in result.text


def test_the_start_of_the_api_server_keeps_the_owner_of_files_of_root(cluster: Cluster) -> None:
    """The first start gave the logs to the API server. Later, a file can be a link to a file of root."""
    logs = "/var/log/kubernetes"
    assert cluster.ssh(HOST, f"stat -c %U {logs}/audit.log").stdout.strip() == "kube-apiserver"
    script = f"touch {logs}/of-root && systemctl restart kube-apiserver && stat -c %U {logs}/of-root"
    try:
        assert cluster.ssh(HOST, script).stdout.strip() == "root"
    finally:
        cluster.ssh(HOST, f"rm {logs}/of-root")
        eventually(
            "the API server is ready",
            lambda: cluster.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok",
            timeout=60,
        )


def test_the_approver_changes_only_its_own_lease(cluster: Cluster) -> None:
    def may(*words: str) -> bool:
        review = ("auth", "can-i", *words, "-n", "kube-system", "--as=kubewright:csr-approver")
        return cluster.kubectl(*review, check=False).stdout.strip() == "yes"

    for verb in ("get", "update"):
        assert may(verb, "leases/kubelet-csr-approver")
    for verb in ("update", "patch", "delete"):
        assert not may(verb, "leases/kube-scheduler")
