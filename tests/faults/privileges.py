"""Checks of privileges that the highly available stack and the stack with dedicated etcd hosts share."""

from __future__ import annotations

from collections import Counter

from automation.operations.cis.evaluation import CLUSTER
from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.lab.cluster.test_cis import failures, run_cis
from tests.lab.cluster.test_service_users import WITH_COPIES

CAP_NET_BIND_SERVICE = 1 << 10
PROCESSES = """
for process in /proc/[0-9]*; do
    name=$(cat "$process/comm") && user=$(stat -c %U "$process") || continue
    privileges=$(sed -n 's/^CapEff:[[:space:]]*//p; s/^NoNewPrivs:[[:space:]]*//p' "$process/status")
    echo "$name $user" $privileges
done 2>/dev/null
"""
"""Print the name, user, effective capabilities (hexadecimal) and the flag NoNewPrivs of all processes."""


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
        names = {name[:15]: name for name in expected_services(cluster, host)}  # the kernel cuts names
        lines = [line.rsplit(" ", 3) for line in cluster.ssh(host, PROCESSES).stdout.splitlines()]
        assert ["systemd", "root"] in [line[:2] for line in lines], f"no services of root on {host}"
        found = [line for line in lines if line[0] in names]
        assert {name for name, *_ in found} == set(names), f"services of {host}"
        for name, user, capabilities, no_new_privileges in found:
            assert user == names[name], f"{names[name]} of {host} runs as {user}"
            allowed = CAP_NET_BIND_SERVICE if name == "haproxy" else 0
            assert int(capabilities, 16) & ~allowed == 0, f"capabilities of {names[name]} on {host}"
            assert no_new_privileges == "1", f"{names[name]} of {host}"


def expected_services(cluster: HaCluster, host: str) -> set[str]:
    """Return the services of a host that have a user of the same name."""
    services: set[str] = set()
    if host in cluster.control_planes:
        services |= {*WITH_COPIES}
    if host in cluster.members:
        services |= {"etcd"}
    if host in cluster.load_balancers or (host in cluster.control_planes and host not in cluster.members):
        services |= {"haproxy"}
    return services
