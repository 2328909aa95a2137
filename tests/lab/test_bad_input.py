"""Lab tests of mistakes in stack files: each mistake is one readable message and changes nothing."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from testkit import stackfile
from testkit.cluster import Cluster
from testkit.process import CommandResult
from testkit.stackfile import DELETE

MISTAKES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("ranges that overlap", {"network": {"pods": "10.94.0.0/16"}}, ["network.pods", "10.94.0.0"]),
    ("an unknown key", {"control_plane": {}}, ["control_plane", "control_planes"]),
    ("an unknown host", {"pools": {"workers": {"hosts": ["w-9"]}}}, ["pools.workers.hosts", "w-9"]),
    ("an even etcd", {"etcd": {"hosts": ["cp-1", "w-1"]}}, ["etcd.hosts"]),
    ("a missing name", {"name": DELETE}, ["name"]),
    (
        "several at once",
        {"network": {"node_prefix": 99}, "kubernetes": {"version": "latest"}},
        ["node_prefix", "kubernetes.version"],
    ),
]


@pytest.mark.parametrize(("mistake", "change", "words"), MISTAKES, ids=[case[0] for case in MISTAKES])
@pytest.mark.parametrize("command", ["preview", "up"])
def test_mistake_in_the_stack_file_is_a_single_readable_message(
    state: Path, mistake: str, change: dict[str, Any], words: list[str], command: str
) -> None:
    config = stackfile.document("kwbad", "10.94.0.0/24", control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER] = stackfile.merge(config[stackfile.CLUSTER], change)
    cluster = Cluster(name="kwbad", state=state, config=config)
    _assert_readable(cluster.command(command, check=False), words)
    assert not cluster.lab.exists(), "invalid settings created hosts"


def test_missing_stack_file_is_reported(state: Path) -> None:
    missing = Cluster(name="kwbad", state=state, config={})
    result = missing.command("preview", "--file", str(state / "nowhere.yaml"), check=False)
    _assert_readable(result, ["nowhere.yaml"])


def test_mistake_does_not_touch_a_running_cluster(cluster: Cluster) -> None:
    before = {host: cluster.services(host) for host in cluster.nodes}
    config = copy.deepcopy(cluster.config)
    with cluster.edited_stack_file({"network": {"services": "10.244.0.0/20"}}):
        _assert_readable(cluster.up(check=False), ["network.services"])
    assert cluster.config == config
    assert {host: cluster.services(host) for host in cluster.nodes} == before
    assert json.loads(cluster.pulumi("stack", "output", "--json"))["endpoint"]


def _assert_readable(result: CommandResult, words: list[str]) -> None:
    assert result.code != 0, f"accepted: {result.text}"
    assert "Traceback" not in result.text, result.text
    for word in words:
        assert word in result.text, f"{word!r} is not in: {result.text}"
