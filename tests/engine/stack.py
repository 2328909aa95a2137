"""A stack of the checkout with offline plugins, on which tests preview changes of its stack file."""

from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.stackfile import CLUSTER, Document

ClusterEdit = Callable[[Document], object]
"""A function that changes the object `kubewright:cluster` in place."""


def keep_one_machine(cluster: Document) -> None:
    """Remove all machines of the stack `dev` except its control plane, which then accepts pods."""
    cluster["control_planes"]["schedulable"] = True
    cluster["pools"] = {}
    cluster["metal"]["hosts"] = {"cp-1": cluster["metal"]["hosts"]["cp-1"]}
    cluster["helm_releases"] = {}


@dataclass
class OfflineStack:
    """A stack for previews; `config` is the configuration of the last `up`."""

    machine: Machine
    name: str
    config: Document

    @classmethod
    def from_checkout(cls, machine: Machine, name: str, edit: ClusterEdit | None = None) -> OfflineStack:
        """Return the checkout's stack with this name, with a change of its configuration."""
        config = machine.stack_config(CHECKOUT / f"Pulumi.{name}.yaml")
        if edit is not None:
            edit(config[CLUSTER])
        return cls(machine, name, config)

    @property
    def reports(self) -> Path:
        """Return the directory of reports."""
        return self.machine.root / "reports"

    def up(self, *words: str, check: bool = True) -> CommandResult:
        """Run `up` with `config`."""
        return self._run(self.config, "up", *words, check=check)

    def preview(
        self,
        edit: ClusterEdit,
        *words: str,
        check: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Preview a change and write the report."""
        config = copy.deepcopy(self.config)
        edit(config[CLUSTER])
        config[CLUSTER]["metal"]["ssh"] |= self.machine.ssh_settings(config[CLUSTER]["metal"]["hosts"])
        words = ("preview", "--report", str(self.reports), *words)
        return self._run(config, *words, check=check, variables=variables)

    def markdown(self) -> str:
        """Return the last report in Markdown, with placeholders for values that differ between machines."""
        text = (self.reports / f"{self.name}.md").read_text()
        return text.replace(self.machine.server.url, "https://mirror.example.com")

    def html(self) -> Path:
        """Return the last report in HTML."""
        return self.reports / f"{self.name}.html"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the stack, as another process would."""
        locks = self.machine.state / "backend/.pulumi/locks/organization/kubewright" / self.name
        locks.mkdir(parents=True, exist_ok=True)
        lock = locks / "00000000-0000-0000-0000-000000000000.json"
        holder = {"pid": os.getpid(), "username": "eve", "hostname": socket.gethostname()}
        lock.write_text(json.dumps({**holder, "timestamp": "2026-01-01T00:00:00Z"}))
        try:
            yield
        finally:
            lock.unlink()

    def _run(
        self,
        config: Document,
        command: str,
        *words: str,
        check: bool,
        variables: Mapping[str, str] | None = None,
    ) -> CommandResult:
        file = self.machine.write_stack_file(self.name, config)
        arguments = (command, "--stack", self.name, "--file", str(file), *words)
        return self.machine.execute(arguments, check=check, variables=variables)
