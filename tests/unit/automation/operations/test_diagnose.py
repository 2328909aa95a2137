"""Tests of the network checks and pod checks of `diagnose`."""

from __future__ import annotations

from automation.operations import diagnose
from testkit.bundles import cluster
from tests.unit.automation.conftest import FakeSsh

TOPOLOGY = cluster(etcd=3, workers=1)


def test_dns_query_has_the_format_of_the_protocol() -> None:
    query = diagnose.dns_query(0x1234, "a.bc")
    message = bytes.fromhex("1234 0100 0001 0000 0000 0000 01 61 02 6263 00 0001 0001")
    assert query == bytes([0, len(message)]) + message


def test_failed_network_checks_are_problems(fake_ssh: FakeSsh) -> None:
    problems = diagnose.check_network(fake_ssh.remote, TOPOLOGY, ["lost"])
    assert [problem.subject for problem in problems] == ["lost", "lost"]
    assert "cluster DNS at 10.96.0.10 does not respond" in problems[0].message
    assert "10.96.0.1:443" in problems[1].message


def pod_with_status(name: str, **status: object) -> dict[str, object]:
    return {"metadata": {"namespace": "x", "name": name}, "spec": {"nodeName": "w-1"}, "status": status}


def test_broken_pods_have_their_reason() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    unscheduled = [{"type": "PodScheduled", "status": "False", "message": "no node fits"}]
    pods = {
        "items": [
            pod_with_status("fine", phase="Running", conditions=ready),
            pod_with_status("done", phase="Succeeded"),
            pod_with_status("image", phase="Pending", containerStatuses=[{"name": "c", "state": waiting}]),
            pod_with_status("unscheduled", phase="Pending", conditions=unscheduled),
        ]
    }
    assert [(problem.subject, problem.message) for problem in diagnose.find_broken_pods(pods)] == [
        ("x/image", "pod on w-1: c: ImagePullBackOff not found"),
        ("x/unscheduled", "pod on w-1: Pending, not ready: no node fits"),
    ]
