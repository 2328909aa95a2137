"""The Pulumi program with mocks of a cloud plugin, for the example stack of the cloud or a changed copy."""

from __future__ import annotations

import copy
import json
import runpy
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import yaml
from pulumi.runtime import config

from settings import Settings, load
from tests.unit.components.graph import Graph, Json, Plugins, record

ROOT = Path(__file__).resolve().parents[3]
Change = Callable[[Json], None]


def section(cluster: Json, *path: str) -> Json:
    """Return a section of a configuration. Changes of the section change the configuration."""
    for key in path:
        cluster = cast(Json, cluster[key])
    return cluster


class Example:
    """An example stack and the resources that the program creates for it. `plugins` creates the mocks."""

    def __init__(self, stack: str, plugins: Callable[[], Plugins]) -> None:
        self._file = ROOT / f"Pulumi.{stack}.yaml"
        self._plugins = plugins
        self._graphs: dict[str, Graph] = {}

    def changed(self, change: Change | None = None) -> Json:
        """Return the object `kubewright:cluster` of the stack after a change."""
        stack = yaml.safe_load(self._file.read_text())
        cluster = copy.deepcopy(cast(Json, stack["config"]["kubewright:cluster"]))
        if change:
            change(cluster)
        return cluster

    def settings(self, change: Change | None = None) -> Settings:
        """Return the settings of the stack after a change."""
        return load(cast(Mapping[str, object], self.changed(change)))

    def deploy(self, cluster: Json, *, preview: bool = False) -> Graph:
        """Return the graph of all resources that the program registers for a configuration."""
        interrupt = signal.getsignal(signal.SIGINT)
        config.set_config("kubewright:cluster", json.dumps(cluster))
        try:
            return record(
                lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"),
                preview=preview,
                plugins=self._plugins(),
            )
        finally:
            signal.signal(signal.SIGINT, interrupt)
            config.set_all_config({})

    def graph(self, change: Change | None = None) -> Graph:
        """Return the graph of the example after `change`. Equal configurations share one graph."""
        outcome = json.dumps(self.changed(change))
        if outcome not in self._graphs:
            self._graphs[outcome] = self.deploy(cast(Json, json.loads(outcome)))
        return self._graphs[outcome]
