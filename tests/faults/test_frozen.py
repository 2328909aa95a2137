"""Fault tests: a process or the disk of a control plane hangs, while the host still accepts connections.

The requests of the client have a time limit of 3 s. They may fail during the first 5 s, and no request may
fail later, also not when the process or the disk goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.faults.hanging_disk import hanging_disk
from tests.faults.load import ClientProcess, assert_limits, running_client

FROZEN_SECONDS = 40
"""Seconds for which a process or a disk hangs. The client of etcd in the API server notices it after 40 s."""
TIMEOUT = 3
"""Time limit of a request in seconds."""
MAX_FAILURE_SECONDS = 5
"""Seconds after which no request fails anymore."""
AFTERWARDS = 10
"""Seconds for which requests are observed after the process or the disk goes on."""


def test_frozen_etcd_leader(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    with running_client(healthy_cluster, TIMEOUT) as client:
        host = server_of_writes(client)
        healthy_cluster.move_etcd_leader(host)
        with healthy_cluster.frozen_service("etcd.service", host) as began:
            time.sleep(FROZEN_SECONDS)
        assert_bounds(client, healthy_cluster, began, record_figures, host)


def test_frozen_api_server(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    with running_client(healthy_cluster, TIMEOUT) as client:
        host = server_of_writes(client)
        with healthy_cluster.frozen_service("kube-apiserver.service", host) as began:
            time.sleep(FROZEN_SECONDS)
        assert_bounds(client, healthy_cluster, began, record_figures, host)


def test_disk_of_etcd_leader_hangs(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    host = healthy_cluster.host_by_role("control-plane")
    with hanging_disk(healthy_cluster, host) as disk, client_of(healthy_cluster, host) as client:
        healthy_cluster.move_etcd_leader(host)
        with disk.hangs() as began:
            time.sleep(FROZEN_SECONDS)
        assert_bounds(client, healthy_cluster, began, record_figures, host)


def server_of_writes(client: ClientProcess) -> str:
    """Return the control plane whose API server answers the writes of the client."""
    host = client.server("write")
    assert host, "the client does not know its server"
    return host


@contextmanager
def client_of(cluster: HaCluster, host: str) -> Iterator[ClientProcess]:
    """Yield a running client whose writes a control plane answers."""
    for _ in range(10):
        with running_client(cluster, TIMEOUT) as client:
            if server_of_writes(client) == host:
                yield client
                return
    raise AssertionError(f"the load balancer sends no client to {host}")


def assert_bounds(
    client: ClientProcess, cluster: HaCluster, began: float, record_figures: RecordFigures, host: str
) -> None:
    """Assert that requests failed only in the first seconds after `began`, and that no write is lost."""
    cluster.wait_healthy()
    time.sleep(AFTERWARDS)
    client.stop()
    report = client.report()
    last = max((moment - began for moment in report.failure_times), default=0.0)
    record_figures(host=host, last_failure=round(last, 1))
    assert_limits(client, cluster, 2 * TIMEOUT, record_figures)
    shown = "\n".join(report.failed[:20])
    assert last <= MAX_FAILURE_SECONDS, f"a request failed {last:.1f} s after the freeze:\n{shown}"
