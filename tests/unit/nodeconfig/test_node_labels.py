"""Tests of labels and taints of a pool: the data in the script, and its commands with a fake `kubectl`."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.node_labels import node_labels_script
from testkit.bundles import cluster
from topology.model import Pool

KUBECTL = """#!/bin/sh
case "$*" in
*taints=*) cat "$FAKE/state" ;;
*"get nodes"*) cat "$FAKE/nodes" ;;
*) echo "$*" | sed 's/--request-timeout=20s //' >>"$FAKE/log" ;;
esac
"""


def workers() -> Pool:
    return next(pool for pool in cluster().pools if pool.name == "workers")


def run(
    pool: Pool, directory: Path, *, nodes: str, state: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    (directory / "kubectl").write_text(KUBECTL)
    (directory / "kubectl").chmod(0o755)
    (directory / "nodes").write_text(nodes)
    (directory / "state").write_text(state)
    (directory / "log").write_text("")
    environment = {"PATH": f"{directory}:/usr/bin:/bin", "FAKE": str(directory)}
    result = subprocess.run(
        ["sh", "-c", node_labels_script(pool)], env=environment, capture_output=True, text=True, check=False
    )
    return result, (directory / "log").read_text().splitlines()


def test_data_comes_before_the_script() -> None:
    text = node_labels_script(workers())
    assert text.splitlines()[2:6] == ["node w-1", "node w-2", "label tier=web", "taint only=web:NoSchedule"]
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_one_label_more_is_one_line_more() -> None:
    before = node_labels_script(workers()).splitlines()
    after = node_labels_script(replace(workers(), labels=(*workers().labels, ("size", "large")))).splitlines()
    assert [line for line in after if line not in before] == ["label size=large"]
    assert [line for line in before if line not in after] == []


def test_labels_and_taints_are_set_and_recorded(tmp_path: Path) -> None:
    result, log = run(
        workers(),
        tmp_path,
        nodes="cp-1 w-1 w-2 ",
        state="cp-1 applied= taints=\nw-1 applied= taints=\nw-2 applied= taints=\n",
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert log == [
        "label --overwrite node w-1 w-2 tier=web",
        "taint --overwrite node w-1 w-2 only=web:NoSchedule",
        "annotate --overwrite node w-1 w-2 kubewright.dev/applied=label=tier,taint=only:NoSchedule",
    ]


def test_only_what_an_earlier_run_set_is_removed(tmp_path: Path) -> None:
    state = (
        "cp-1 applied=label=old taints=old:NoSchedule,\n"
        "w-1 applied=label=tier,label=old,taint=old:NoExecute,taint=gone:NoSchedule "
        "taints=old:NoExecute,other:NoSchedule,\n"
        "w-2 applied= taints=other:NoSchedule,\n"
    )
    result, log = run(workers(), tmp_path, nodes="cp-1 w-1 w-2 ", state=state)
    assert result.returncode == 0
    assert log[:2] == ["label node w-1 old-", "taint node w-1 old:NoExecute-"]
    assert len(log) == 5


def test_a_missing_node_delays_no_other_and_is_named(tmp_path: Path) -> None:
    result, log = run(workers(), tmp_path, nodes="w-2 ", state="w-2 applied= taints=\n")
    assert result.returncode == 1
    assert result.stderr == (
        "no node yet: w-1; their labels and taints are set by the next up, once the hosts have joined\n"
    )
    assert "label --overwrite node w-2 tier=web" in log


@pytest.mark.parametrize("nodes", ["", "cp-1 "])
def test_without_any_node_nothing_is_set(tmp_path: Path, nodes: str) -> None:
    result, log = run(workers(), tmp_path, nodes=nodes, state="")
    assert result.returncode == 1
    assert "w-1 w-2" in result.stderr
    assert log == []


def test_a_pool_without_labels_and_taints_only_removes(tmp_path: Path) -> None:
    pool = replace(workers(), labels=(), taints=())
    result, log = run(
        pool, tmp_path, nodes="w-1 w-2 ", state="w-1 applied=label=tier taints=\nw-2 applied= taints=\n"
    )
    assert result.returncode == 0
    assert log == ["label node w-1 tier-", "annotate --overwrite node w-1 w-2 kubewright.dev/applied="]
