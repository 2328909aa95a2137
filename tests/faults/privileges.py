"""Checks of privileges that the highly available stack and the stack with dedicated etcd hosts share."""

from __future__ import annotations

from collections import Counter

from automation.operations.cis.evaluation import CLUSTER
from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.lab.cluster.test_cis import failures, run_cis
from tests.lab.cluster.test_service_users import WITH_COPIES

CAP_NET_BIND_SERVICE = 1 << 10
PROCESSES = r"""
for process in /proc/[0-9]*; do
    unit=$(sed -n 's|.*/\([^/]*\)\.service.*|\1|p' "$process/cgroup" | head -n 1)
    user=$(stat -c %U "$process") && [ "$unit" ] || continue
    privileges=$(sed -n 's/^CapEff:[[:space:]]*//p; s/^NoNewPrivs:[[:space:]]*//p' "$process/status")
    echo "$unit $user" $privileges
done 2>/dev/null
"""
"""Print the service, user, effective capabilities (hexadecimal) and the flag NoNewPrivs of all processes."""


def assert_no_failed_check(cluster: HaCluster, record_figures: RecordFigures) -> None:
    """Assert that `cis` checks all nodes, all etcd members and the API, and that no check fails."""
    code, document = run_cis(cluster)
    results = document["results"]
    record_figures(**Counter(row["result"] for row in results))
    assert failures(document) == {}
    assert document["errors"] == []
    assert code == 0
    assert {CLUSTER, *cluster.nodes, *cluster.members} <= {row["host"] for row in results}


def assert_services_have_no_privileges(cluster: HaCluster) -> None:
    """Assert that services of control planes, etcd and haproxy run as users of their own.

    They have no capabilities, except that haproxy may listen on ports below 1024.
    """
    for host in {*cluster.control_planes, *cluster.members, *cluster.load_balancers}:
        users = expected_users(cluster, host)
        lines = [line.split() for line in cluster.ssh(host, PROCESSES).stdout.splitlines()]
        assert "root" in [user for _, user, *_ in lines], f"no services of root on {host}"
        found = [line for line in lines if line[0] in users]
        assert {service for service, *_ in found} == set(users), f"services of {host}"
        for service, user, capabilities, no_new_privileges in found:
            assert user == users[service], f"{service} of {host} runs as {user}"
            allowed = CAP_NET_BIND_SERVICE if user == "haproxy" else 0
            assert int(capabilities, 16) & ~allowed == 0, f"{service} of {host} has {capabilities}"
            assert no_new_privileges == "1", f"{service} of {host}"


def expected_users(cluster: HaCluster, host: str) -> dict[str, str]:
    """Return the services of a host that have a user of their own, with this user."""
    services: list[str] = []
    if host in cluster.control_planes:
        services += WITH_COPIES
    if host in cluster.members:
        services += ["etcd"]
    if host in cluster.load_balancers:
        services += ["haproxy"]
    users = {service: service for service in services}
    if host in cluster.control_planes and host not in cluster.members:
        users["etcd-proxy"] = "haproxy"
    return users
