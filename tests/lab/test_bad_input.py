"""Lab tests of mistakes in stack files: each mistake is one readable message and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from testkit import stackfile
from testkit.cluster import Cluster
from testkit.messages import assert_readable
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
    assert_readable(cluster.command(command, check=False), words)
    assert not cluster.lab.exists(), "invalid settings created hosts"


def test_missing_stack_file_is_reported(state: Path) -> None:
    missing = Cluster(name="kwbad", state=state, config={})
    result = missing.command("preview", "--file", str(state / "nowhere.yaml"), check=False)
    assert_readable(result, ["nowhere.yaml"])
