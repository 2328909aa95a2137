"""Run the host program of an etcd member against a fake etcd cluster (`etcdctl.py`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nodeconfig import etcd

FAKE = Path(__file__).with_name("etcdctl.py")
NAMES = ("a", "b", "c")
NOT_RUNNING = {"served": False, "up": False}
ADDED_LEARNER = {"name": "", "learner": True, **NOT_RUNNING}


def peer_url(name: str) -> str:
    return f"https://10.9.0.{'abcdefgh'.index(name) + 11}:2380"


class FakeEtcdCluster:
    """The host `a` of an etcd member, and the members of a fake etcd cluster."""

    def __init__(self, directory: Path) -> None:
        self.root, self.state = directory / "root", directory / "etcd.json"
        (self.root / "etc/etcd").mkdir(parents=True)
        (self.root / "etc/kubewright").mkdir()
        (self.root / "etc/kubewright/host.env").write_text("NODE_NAME=a\nNODE_IP=10.9.0.11\nexport NODE_IP\n")
        program = self.root / "usr/local/lib/kubewright/bin/etcdctl"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {FAKE} "$@"\n')
        program.chmod(0o755)
        self.write_peers(*NAMES)
        self.set_recorded_members({})

    def write_peers(self, *names: str) -> None:
        peers = "".join(f"{name}={peer_url(name)}\n" for name in names)
        (self.root / "etc/etcd/peers").write_text(peers)

    def set_recorded_members(
        self, members: dict[str, dict[str, Any]], *, refusing: Iterable[str] = (), **more: object
    ) -> None:
        """Write the state of the fake etcd. The hosts `refusing` run without etcd and refuse connections."""
        rows = {peer_url(name): self.default_values(name) | values for name, values in members.items()}
        state = {
            "members": rows,
            "log": [],
            "refusals": [],
            "refusing": [peer_url(name) for name in refusing],
        }
        self.state.write_text(json.dumps(state | more))

    @staticmethod
    def default_values(name: str) -> dict[str, Any]:
        values = {"id": f"{name}1", "name": name, "learner": False, "up": True, "ready": True}
        return values | {"version": "3.7.3", "served": True}

    @property
    def members(self) -> dict[str, dict[str, Any]]:
        members: dict[str, dict[str, Any]] = json.loads(self.state.read_text())["members"]
        return members

    @property
    def commands(self) -> list[str]:
        """All commands of etcdctl."""
        log: list[str] = json.loads(self.state.read_text())["log"]
        return log

    @property
    def membership_commands(self) -> list[str]:
        """The commands that changed the membership, without queries."""
        return [
            line
            for line in self.commands
            if line.split()[:2] not in (["member", "list"], ["endpoint", "health"])
        ]

    def run(self, *command: str, timeout_seconds: int = 40) -> subprocess.CompletedProcess[str]:
        environment = {
            "KUBEWRIGHT_ROOT": str(self.root),
            "FAKE_ETCD": str(self.state),
            "PATH": "/usr/bin:/bin",
        }
        environment |= {"KUBEWRIGHT_TIMEOUT": str(timeout_seconds), "KUBEWRIGHT_PAUSE": "0.05"}
        return subprocess.run(
            ["sh", "-c", etcd.member_program(), "etcd-member", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self) -> tuple[str, set[str]]:
        """Prepare the start of etcd and return the state and the initial cluster for etcd."""
        result = self.run("start")
        assert result.returncode == 0, result.stderr
        lines = (self.root / "etc/etcd/start.env").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return values["ETCD_INITIAL_CLUSTER_STATE"], set(values["ETCD_INITIAL_CLUSTER"].split(","))

    def path(self, path: str) -> Path:
        return self.root / path


def initial_cluster_entries(*names: str) -> set[str]:
    return {f"{name}={peer_url(name)}" for name in names}
