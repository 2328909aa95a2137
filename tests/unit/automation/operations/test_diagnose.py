"""What diagnose asks over the network, and how it reads pods."""

from __future__ import annotations

from testkit.bundles import cluster

from automation.operations import diagnose
from tests.unit.automation.conftest import FakeSsh

TOPOLOGY = cluster(etcd=3, workers=1)


def test_a_dns_question_is_as_the_protocol_has_it() -> None:
    asked = diagnose.question(0x1234, "a.bc")
    message = bytes.fromhex("1234 0100 0001 0000 0000 0000 01 61 02 6263 00 0001 0001")
    assert asked == bytes([0, len(message)]) + message


def test_a_node_from_which_nothing_answers_is_a_finding(fake_ssh: FakeSsh) -> None:
    found = diagnose.network(fake_ssh.remote, TOPOLOGY, ["lost"])
    assert [item.where for item in found] == ["lost", "lost"]
    assert "cluster DNS at 10.96.0.10 does not answer" in found[0].what
    assert "10.96.0.1:443" in found[1].what


def pod(name: str, **status: object) -> dict[str, object]:
    return {"metadata": {"namespace": "x", "name": name}, "spec": {"nodeName": "w-1"}, "status": status}


def test_pods_that_do_not_run_are_told_with_their_reason() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    unscheduled = [{"type": "PodScheduled", "status": "False", "message": "no node fits"}]
    pods = {
        "items": [
            pod("fine", phase="Running", conditions=ready),
            pod("done", phase="Succeeded"),
            pod("image", phase="Pending", containerStatuses=[{"name": "c", "state": waiting}]),
            pod("unscheduled", phase="Pending", conditions=unscheduled),
        ]
    }
    assert [(item.where, item.what) for item in diagnose.broken_pods(pods)] == [
        ("x/image", "pod on w-1: c: ImagePullBackOff not found"),
        ("x/unscheduled", "pod on w-1: Pending, not ready: no node fits"),
    ]
