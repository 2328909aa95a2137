"""Tests of the program that defragments etcd, with an sh program in place of etcdctl."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nodeconfig.sources import source_path

MEMBERS = {"a": 11, "b": 12, "c": 2**64 - 1}
"""The ids of the members; the last one does not fit into a signed number."""
ETCDCTL = """#!/bin/sh
for word; do case $word in --endpoints=*) url=${word#*=} ;; esac; done
host=${url#https://} host=${host%:*}
while :; do case $1 in --*) shift ;; *) break ;; esac; done
case "$1 $2" in
"member list") cat "$FAKE/list" ;;
"endpoint health") [ ! -e "$FAKE/down-$host" ] ;;
"endpoint status")
    printf '"MemberID" : %s\\n"Leader" : %s\\n' "$(cat "$FAKE/id-$host")" "$(cat "$FAKE/leader")"
    cat "$FAKE/size-$host"
    ;;
"defrag "*)
    echo "defrag $host" >>"$FAKE/actions"
    printf '"DBSize" : 100\\n"DBSizeInUse" : 100\\n' >"$FAKE/size-$host"
    [ ! -e "$FAKE/breaks-$host" ] || : >"$FAKE/down-$host"
    ;;
"move-leader "*) echo "move $2" >>"$FAKE/actions" ;;
esac
"""


class FakeCluster:
    """Three members, of which `a` is the leader. Nine tenths of their files are free."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "etcdctl").write_text(ETCDCTL)
        (directory / "etcdctl").chmod(0o755)
        self.write_members()
        self.write("leader", str(MEMBERS["a"]))
        for name, number in MEMBERS.items():
            self.write(f"id-{name}", str(number))
            self.size(name, 1000, 100)

    def write(self, name: str, text: str = "") -> None:
        (self.directory / name).write_text(text)

    def write_members(self, *, status: str = "started", learner: str = "false") -> None:
        """Write the list of members; the last one has another state."""
        states = {"a": "started, false", "b": "started, false", "c": f"{status}, {learner}"}
        rows = (
            f"{MEMBERS[name]:x}, {states[name].split(', ')[0]}, {name}, https://{name}:2380, "
            f"https://{name}:2379, {states[name].split(', ')[1]}\n"
            for name in MEMBERS
        )
        self.write("list", "".join(rows))

    def size(self, name: str, size: int, used: int) -> None:
        self.write(f"size-{name}", f'"DBSize" : {size}\n"DBSizeInUse" : {used}\n')

    def run(self, host: str = "a", *, free_percent: int = 50) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "FAKE": str(self.directory),
            "LOCAL": f"https://{host}:2379",
            "FREE_PERCENT": str(free_percent),
            "MIN_BYTES": "500",
            "HEALTHY_SECONDS": "1",
        }
        program = source_path("etcd-defragment.sh")
        return subprocess.run(
            ["sh", str(program)], env=environment, capture_output=True, text=True, timeout=30
        )

    @property
    def actions(self) -> list[str]:
        file = self.directory / "actions"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def members(tmp_path: Path) -> FakeCluster:
    return FakeCluster(tmp_path)


def test_the_leader_is_the_last_one_and_hands_over_first(members: FakeCluster) -> None:
    result = members.run()
    assert (result.returncode, result.stderr) == (0, "")
    assert members.actions == ["defrag b", "defrag c", f"move {MEMBERS['c']:x}", "defrag a"]
    assert "defragmented https://b:2379: 1000 bytes before, 100 after" in result.stdout


def test_followers_start_nothing(members: FakeCluster) -> None:
    for name in ("b", "c"):
        assert "is not the leader" in members.run(name).stdout
    assert members.actions == []


def test_only_files_with_enough_free_space_are_defragmented(members: FakeCluster) -> None:
    members.size("b", 1000, 501)
    members.size("a", 400, 1)
    assert members.run().returncode == 0
    assert members.actions == ["defrag c"]
    members.size("b", 1000, 500)
    assert members.run().returncode == 0
    assert members.actions == ["defrag c", "defrag b"]


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_nothing_begins_while_a_member_is_down(members: FakeCluster, name: str) -> None:
    members.write(f"down-{name}")
    result = members.run()
    assert (result.returncode, "not started" in result.stdout) == (0, True)
    assert members.actions == []


@pytest.mark.parametrize("state", [{"status": "unstarted"}, {"learner": "true"}])
def test_nothing_begins_while_a_member_joins(members: FakeCluster, state: dict[str, str]) -> None:
    members.write_members(**state)
    assert "not started" in members.run().stdout
    assert members.actions == []


def test_a_member_that_does_not_return_stops_the_run(members: FakeCluster) -> None:
    members.write("breaks-b")
    result = members.run()
    assert result.returncode == 1
    assert "not all members are healthy after the defragmentation of https://b:2379" in result.stderr
    assert members.actions == ["defrag b"]


def test_a_single_member_does_not_move_its_leadership(members: FakeCluster) -> None:
    members.write("list", f"{MEMBERS['a']:x}, started, a, https://a:2380, https://a:2379, false\n")
    assert members.run().returncode == 0
    assert members.actions == ["defrag a"]
