"""Tests of labels and taints of a pool: the data in the script, and its commands with a fake `kubectl`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from nodeconfig.node_labels import node_labels_script
from testkit.bundles import cluster
from topology.model import Pool

# Prints the nodes in the columns of the script. As the real kubectl, it prints an annotation as it is, unless
# the template quotes it.
KUBECTL = """
import json, os, sys
from pathlib import Path

directory = Path(os.environ["FAKE"])
words = [word for word in sys.argv[1:] if not word.startswith("--request-timeout=")]
nodes = json.loads((directory / "nodes.json").read_text())
if words[:2] != ["get", "nodes"]:
    with (directory / "log").open("a") as log:
        log.write(json.dumps(words) + "\\n")
elif "applied" not in words[-1]:
    print("".join(f"{name} " for name in nodes), end="")
else:
    for name, (labels, taints, applied) in nodes.items():
        quoted = json.dumps(applied) if '{{printf "%q" .}}' in words[-1] and applied else applied
        ends = [f"{column},{''.join(f'{key},' for key in keys)}"
                for column, keys in (("labels", labels), ("taints", taints))]
        print(name, *ends, quoted)
"""


@dataclass(frozen=True)
class Node:
    """A Node: the keys of its labels, its taints as `KEY:EFFECT`, and what an earlier run recorded."""

    labels: Sequence[str] = ()
    taints: Sequence[str] = ()
    applied: str = ""


@dataclass(frozen=True)
class Run:
    """A run of the script: its result, and the commands that changed something."""

    result: subprocess.CompletedProcess[str]
    commands: list[list[str]] = field(default_factory=list)

    @property
    def log(self) -> list[str]:
        return [" ".join(words) for words in self.commands]


def workers() -> Pool:
    return next(pool for pool in cluster().pools if pool.name == "workers")


def run(pool: Pool, directory: Path, nodes: Mapping[str, Node]) -> Run:
    (directory / "kubectl").write_text(f"#!{sys.executable} -IS\n{KUBECTL}")
    (directory / "kubectl").chmod(0o755)
    table = {name: [node.labels, node.taints, node.applied] for name, node in nodes.items()}
    (directory / "nodes.json").write_text(json.dumps(table))
    (directory / "log").write_text("")
    environment = {"PATH": f"{directory}:/usr/bin:/bin", "FAKE": str(directory)}
    result = subprocess.run(
        ["sh", "-c", node_labels_script(pool)], env=environment, capture_output=True, text=True, check=False
    )
    return Run(result, [json.loads(line) for line in (directory / "log").read_text().splitlines()])


def test_data_comes_before_the_script() -> None:
    text = node_labels_script(workers())
    assert text.splitlines()[2:6] == ["node w-1", "node w-2", "label tier=web", "taint only=web:NoSchedule"]
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_one_label_more_is_one_line_more() -> None:
    before = node_labels_script(workers()).splitlines()
    after = node_labels_script(replace(workers(), labels=(*workers().labels, ("size", "large")))).splitlines()
    assert [line for line in after if line not in before] == ["label size=large"]
    assert [line for line in before if line not in after] == []


SET = [
    "label --overwrite node w-1 w-2 tier=web",
    "taint --overwrite node w-1 w-2 only=web:NoSchedule",
    "annotate --overwrite node w-1 w-2 kubewright.dev/applied=label=tier,taint=only:NoSchedule",
]


def test_labels_and_taints_are_set_and_recorded(tmp_path: Path) -> None:
    done = run(workers(), tmp_path, {"cp-1": Node(), "w-1": Node(), "w-2": Node()})
    assert (done.result.returncode, done.result.stderr) == (0, "")
    assert done.log == SET


def test_only_what_an_earlier_run_set_is_removed(tmp_path: Path) -> None:
    recorded = "label=tier,label=old,label=older,label=absent,taint=old:NoExecute,taint=gone:NoSchedule"
    nodes = {
        "cp-1": Node(["old"], ["old:NoSchedule"], "label=old"),
        "w-1": Node(["by-hand", "old", "older", "tier"], ["old:NoExecute", "other:NoSchedule"], recorded),
        "w-2": Node(["old"], ["other:NoSchedule"]),
    }
    done = run(workers(), tmp_path, nodes)
    assert done.result.returncode == 0
    assert done.log == ["label node w-1 old- older-", "taint node w-1 old:NoExecute-", *SET]


VICTIM = Node(["quarantine"], ["quarantine:NoExecute"], "label=tier")
RECORD = "label=quarantine,taint=quarantine:NoExecute"


@pytest.mark.parametrize(
    "annotation",
    [
        f"\nw-2 labels,quarantine, taints,quarantine:NoExecute, {RECORD}",
        f'"\nw-2 labels,quarantine, taints,quarantine:NoExecute, "{RECORD}',
        f"\r\nw-2 labels,quarantine, taints,quarantine:NoExecute, {RECORD}\n",
        f"\nw-2 applied={RECORD} taints=quarantine:NoExecute,",
        f"\\nw-2 labels,quarantine, taints,quarantine:NoExecute, {RECORD}",
    ],
    ids=["line", "line after a quotation mark", "carriage return", "line of version 0.1", "backslash"],
)
def test_an_annotation_changes_no_other_node(tmp_path: Path, annotation: str) -> None:
    """Root on w-1 can write any text into the annotation of w-1."""
    done = run(workers(), tmp_path, {"w-1": Node(["tier"], (), annotation), "w-2": VICTIM})
    assert (done.result.returncode, done.log) == (0, SET)


@pytest.mark.parametrize(
    "annotation",
    [
        "label=--kubeconfig=/root/stolen",
        "taint=--kubeconfig=/root/stolen",
        "label=--all,taint=--all",
        "label=tier --all",
        "label=$(touch pwned),label=`touch pwned`,label=;touch pwned",
        "label=*,taint=*,label=?ier,taint=[a-z]*",
        "label=,taint=,label,taint,,=,label=tier=gold",
        "label=w-2",
    ],
)
def test_an_annotation_is_no_word_of_a_command(tmp_path: Path, annotation: str) -> None:
    done = run(workers(), tmp_path, {"w-1": Node(["tier"], ["by:NoExecute"], annotation), "w-2": VICTIM})
    assert (done.result.returncode, done.log) == (0, SET)


def test_a_missing_node_delays_no_other_and_is_named(tmp_path: Path) -> None:
    done = run(workers(), tmp_path, {"w-2": Node()})
    assert done.result.returncode == 1
    assert done.result.stderr == (
        "no node yet: w-1; their labels and taints are set by the next up, once the hosts have joined\n"
    )
    assert "label --overwrite node w-2 tier=web" in done.log


@pytest.mark.parametrize("names", [[], ["cp-1"]])
def test_without_any_node_nothing_is_set(tmp_path: Path, names: list[str]) -> None:
    done = run(workers(), tmp_path, dict.fromkeys(names, Node()))
    assert done.result.returncode == 1
    assert "w-1 w-2" in done.result.stderr
    assert done.log == []


def test_a_pool_without_labels_and_taints_only_removes(tmp_path: Path) -> None:
    pool = replace(workers(), labels=(), taints=())
    done = run(pool, tmp_path, {"w-1": Node(["tier"], (), "label=tier"), "w-2": Node()})
    assert done.result.returncode == 0
    assert done.log == [
        "label node w-1 tier-",
        "annotate --overwrite node w-1 w-2 kubewright.dev/applied=",
    ]
