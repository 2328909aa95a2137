"""Lab tests of changes to a running cluster: a change replaces and restarts nothing that does not depend on
it.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from lab.network import host_namespace
from testkit import pods, stackfile
from testkit.cluster import Cluster
from testkit.messages import assert_readable
from testkit.stackfile import DELETE
from testkit.wait import eventually
from testkit.watcher import Watcher

MAX_PODS = 97
MIN_SAMPLES = 5
"""Minimum number of observations of a workload, one a second, while a worker is removed."""


def test_changed_kubelet_setting_is_one_line_and_restarts_only_the_kubelet(cluster: Cluster) -> None:
    with cluster.temporary_settings({"pools": {"workers": {"kubelet": {"max_pods": MAX_PODS}}}}):
        steps = cluster.previewed_operations()
        assert {name.split("-node")[0] for name in steps} == set(cluster.workers), f"not the workers: {steps}"
        _assert_one_line_per_host(cluster)

        before = {host: cluster.services(host) for host in cluster.nodes}
        cluster.up()
        after = {host: cluster.services(host) for host in cluster.nodes}
        for host in cluster.nodes:
            units = before[host].keys() | after[host].keys()
            restarted = {unit for unit in units if before[host].get(unit) != after[host].get(unit)}
            assert restarted == ({"kubelet.service"} if host in cluster.workers else set()), host
        for node in cluster.workers:
            assert cluster.get("node", node)["status"]["capacity"]["pods"] == str(MAX_PODS), node
        assert cluster.previewed_operations() == {}


def _assert_one_line_per_host(cluster: Cluster) -> None:
    text = cluster.preview().text
    changed = [line.strip() for line in text.splitlines() if re.match(r"\s*[-+~]?\s*[-+]\s+\S", line)]
    added = [line for line in changed if re.search(rf"maxPods\W+{MAX_PODS}\b", line)]
    removed = [line for line in changed if re.search(r"maxPods\W+110\b", line)]
    assert len(added) == len(removed) == len(cluster.workers), text
    for host in cluster.workers:
        assert f"{host}-node" in text, f"{host} is not named:\n{text}"


def test_labels_and_taints_follow_the_configuration(cluster: Cluster) -> None:
    """Labels and taints that users set by hand are kept."""
    cluster.kubectl("label", "node", "w-1", "by-hand=yes")
    try:
        pool = {"labels": {"tier": "gold", "keep": "me"}, "taints": ["dedicated=tests:PreferNoSchedule"]}
        with cluster.temporary_settings({"pools": {"workers": pool}}):
            cluster.up()
            for name in cluster.workers:
                assert _labels(cluster, name)["tier"] == "gold", name
                assert "dedicated" in _taints(cluster, name), name
            cluster.merge_settings({"pools": {"workers": {"labels": {"tier": DELETE}, "taints": DELETE}}})
            cluster.up()
            for name in cluster.workers:
                labels = _labels(cluster, name)
                assert "tier" not in labels, name
                assert labels["keep"] == "me", name
                assert "dedicated" not in _taints(cluster, name), name
        assert "keep" not in _labels(cluster, "w-1")
        assert _labels(cluster, "w-1")["by-hand"] == "yes"
        assert cluster.previewed_operations() == {}
    finally:
        cluster.kubectl("label", "node", "w-1", "by-hand-")


def test_mistake_does_not_touch_a_running_cluster(cluster: Cluster) -> None:
    before = {host: cluster.services(host) for host in cluster.nodes}
    config = copy.deepcopy(cluster.config)
    with cluster.edited_stack_file({"network": {"services": "10.244.0.0/20"}}):
        assert_readable(cluster.up(check=False), ["network.services"])
    assert cluster.config == config
    assert {host: cluster.services(host) for host in cluster.nodes} == before
    assert json.loads(cluster.pulumi("stack", "output", "--json"))["endpoint"]


def test_worker_is_added_and_removed(cluster: Cluster) -> None:
    new = stackfile.host(cluster.config[stackfile.LAB]["network"], 23)
    cluster.boot_empty_host("w-3", new["address"])
    pristine = _host_state(cluster, "w-3")
    others = {host: cluster.services(host) for host in cluster.nodes}
    joining = {
        "pools": {"workers": {"hosts": ["w-1", "w-2", "w-3"]}},
        "metal": {"hosts": {"w-3": new}},
    }
    with cluster.temporary_settings(joining):
        steps = cluster.previewed_operations()
        created = {name for name, operation in steps.items() if operation == "create"}
        assert created, "the preview creates nothing"
        assert created == {"w-3-node", "cluster-join-tokens-node-w-3"}, steps
        rest = {name: operation for name, operation in steps.items() if name not in created}
        assert set(rest.values()) == {"update"}, steps
        expected = ("workers", "cluster-bootstrap-inventory")
        assert all(any(word in name for word in expected) for name in rest), steps
        with _packet_filter_of_others(cluster, "w-3"):
            chains = "table inet site, chain routed; table inet site, chain closed"
            ports = "table inet site, chain guarded (tcp 10250, udp 8472)"
            words = ["w-3", f"{chains}; {ports};", "remove the chain"]
            assert_readable(cluster.up(check=False), words)
        assert "kubelet.service" not in cluster.services("w-3"), "the host was refused too late"
        cluster.up()
        cluster.wait_all_ready()
        assert {host: cluster.services(host) for host in others} == others, "other hosts changed"

        _remove_worker(cluster)
        assert {host: cluster.services(host) for host in others} == others, "other hosts changed"
        _assert_reset(pristine, _host_state(cluster, "w-3"))
    cluster.wait_all_ready()


@contextmanager
def _packet_filter_of_others(cluster: Cluster, host: str) -> Iterator[None]:
    """Drop the packets that a host forwards, and packets to the host except for SSH, by a table of nftables
    that is not Kubewright's.
    """
    enter = ["ip", "netns", "exec", host_namespace(cluster.name, host), "nft"]
    hook = "type filter hook forward priority 10"
    commands = (
        "add table inet site",
        f"add chain inet site routed {{ {hook}; policy drop; }}",
        f"add chain inet site closed {{ {hook}; policy accept; }}",
        "add rule inet site closed counter drop",
        "add chain inet site guarded { type filter hook input priority 10; policy drop; }",
        'add rule inet site guarded iif "lo" accept',
        "add rule inet site guarded ct state established,related accept",
        "add rule inet site guarded tcp dport 22 accept",
    )
    subprocess.run([*enter, "; ".join(commands)], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run([*enter, "delete table inet site"], check=True, timeout=10)


def _remove_worker(cluster: Cluster) -> None:
    """Remove w-3 from the pool while a Deployment with a disruption budget runs on w-3."""
    namespace = "leaving"
    cluster.apply(pods.namespace(namespace))
    try:
        prefer = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["w-3"]}
        affinity = {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 100, "preference": {"matchExpressions": [prefer]}}
                ]
            }
        }
        budget = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"namespace": namespace, "name": "web"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }
        spec = pods.spec(pods.serving_container(), affinity=affinity)
        cluster.apply(pods.deployment(namespace, "web", 2, spec), budget)
        cluster.wait_rollout(namespace, "deployment/web")
        where = {pod["spec"]["nodeName"] for pod in cluster.pods(namespace, "app=web")}
        assert where == {"w-3"}, f"the pods are on {where}"

        leaving = {
            "pools": {"workers": {"hosts": ["w-1", "w-2"]}},
            "metal": {"hosts": {"w-3": DELETE}},
        }
        cluster.merge_settings(leaving)
        with Watcher(lambda: _available(cluster, namespace)) as watcher:
            cluster.up()
        assert watcher.failures == [], "the API must be available while a worker leaves"
        assert len(watcher.values) >= MIN_SAMPLES, f"the workload was observed too rarely: {watcher.values}"
        assert min(watcher.values) >= 1, f"the disruption budget was not respected: {watcher.values}"
        eventually("w-3 is removed", lambda: "w-3" not in cluster.kubectl("get", "nodes").stdout, timeout=20)
        cluster.wait_rollout(namespace, "deployment/web")
        where = {pod["spec"]["nodeName"] for pod in cluster.pods(namespace, "app=web")}
        assert "w-3" not in where
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def _available(cluster: Cluster, namespace: str) -> int:
    """Return the number of available replicas of the Deployment `web`."""
    arguments = ("get", "deployment", "-n", namespace, "web", "-o", "jsonpath={.status.availableReplicas}")
    return int(cluster.kubectl(*arguments).stdout or 0)


def _labels(cluster: Cluster, node: str) -> dict[str, str]:
    labels: dict[str, str] = cluster.get("node", node)["metadata"]["labels"]
    return labels


def _taints(cluster: Cluster, node: str) -> str:
    return json.dumps(cluster.get("node", node)["spec"].get("taints", []))


def _host_state(cluster: Cluster, host: str) -> dict[str, set[str]]:
    """Return the files, units, processes, mounts, accounts and network links of a host, as lines by
    subject.
    """
    scripts = {
        "files": "find /etc /usr/local /opt /var/lib /root -xdev ! -path '/var/lib/systemd/*'",
        "units": "systemctl list-unit-files --no-legend --no-pager",
        "processes": "for f in /proc/[0-9]*/comm; do cat $f 2>/dev/null; done",
        "mounts": "while read -r _ point _; do echo $point; done </proc/mounts",
        "accounts": "cat /etc/passwd /etc/group",
    }
    state = {what: set(cluster.ssh(host, script).stdout.splitlines()) for what, script in scripts.items()}
    return state | {"links": set(cluster.network_links(host))}


def _assert_reset(before: dict[str, set[str]], after: dict[str, set[str]]) -> None:
    """Assert that a host has no files, units, processes, mounts, accounts and links that it did not have
    before.
    """
    # Ignore entries that change with logins and with systemd's own maintenance.
    ignored = re.compile(
        r"^\(?sd-pam|^sshd|^ls$|^cat$|^sh$|^find$|^systemd-|^kworker|session-\d+\.scope|/run/user"
    )
    for what in before:
        leftovers = {line for line in after[what] - before[what] if not ignored.search(line)}
        assert not leftovers, f"{what} left behind: {sorted(leftovers)[:20]}"
