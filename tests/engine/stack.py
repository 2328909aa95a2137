"""A stack of the checkout, made once by the engine, and changes of its file that are only previewed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.process import Done
from testkit.stackfile import CLUSTER, Document

Change = Callable[[Document], object]
"""Changes the object `kubewright:cluster` in place."""


@dataclass
class Stack:
    """`config` is what was last made."""

    machine: Machine
    name: str
    config: Document

    @classmethod
    def of(cls, machine: Machine, name: str, change: Change | None = None) -> Stack:
        """The stack of that name of the checkout, with a change."""
        config = machine.stack(CHECKOUT / f"Pulumi.{name}.yaml")
        if change is not None:
            change(config[CLUSTER])
        return cls(machine, name, config)

    @property
    def reports(self) -> Path:
        """Where reports land."""
        return self.machine.root / "reports"

    def up(self, *words: str, check: bool = True) -> Done:
        """Makes it what `config` says."""
        return self._run(self.config, "up", *words, check=check)

    def preview(
        self,
        change: Change,
        *words: str,
        check: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Done:
        """Previews it with a change; the report is written."""
        config = copy.deepcopy(self.config)
        change(config[CLUSTER])
        config[CLUSTER]["metal"]["ssh"] |= self.machine.keys(config[CLUSTER]["metal"]["hosts"])
        words = ("preview", "--report", str(self.reports), *words)
        return self._run(config, *words, check=check, variables=variables)

    def markdown(self) -> str:
        """The last report, with names in the place of what differs between two machines."""
        text = (self.reports / f"{self.name}.md").read_text()
        return text.replace(self.machine.server.url, "https://mirror.example.com")

    def html(self) -> Path:
        """The last report as a page."""
        return self.reports / f"{self.name}.html"

    def _run(
        self,
        config: Document,
        command: str,
        *words: str,
        check: bool,
        variables: Mapping[str, str] | None = None,
    ) -> Done:
        file = self.machine.file(self.name, config)
        arguments = (command, "--stack", self.name, "--file", str(file), *words)
        return self.machine.execute(arguments, check=check, variables=variables)
