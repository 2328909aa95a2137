"""Runs of the Pulumi program with mocks of a cloud plugin, for example stacks or edited copies of them."""

from __future__ import annotations

import copy
import json
import runpy
import signal
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import cast

import yaml
from pulumi.runtime import config as pulumi_config

from artifacts.catalogue import binary
from settings import Settings, load
from tests.unit.components.graph import Graph, Json, PluginMocks, record_graph

ROOT = Path(__file__).resolve().parents[3]
ConfigEdit = Callable[[Json], None]
"""Function that edits `kubewright:cluster` of a stack in place."""


def section(cluster: Json, *path: str) -> Json:
    """Return a section of `kubewright:cluster` itself, not a copy."""
    for key in path:
        cluster = cast(Json, cluster[key])
    return cluster


def with_own_store(cluster: Json) -> None:
    """Make machines fetch files from the cluster's own store. The pinned index of the example stays."""
    artifacts = section(cluster, "artifacts")
    del artifacts["mirror"]
    artifacts["store"] = "own"


def write_index(directory: Path, *names: str) -> Path:
    """Write a copy of the example's index that also has the files of these artifacts. Return its path."""
    index = json.loads((ROOT / "mirrors/example.json").read_text())
    for item in map(binary, names):
        index["files"][item.key] = {"path": f"files/{item.key}", "sha256": "0" * 64, "size": 1}
    file = directory / "index.json"
    file.write_text(json.dumps(index))
    return file


class ExampleStack:
    """An example stack, and the resources that the program creates for it.

    `plugins` creates the mocks of the Pulumi plugins.
    """

    def __init__(self, stack: str, plugins: Callable[[], PluginMocks]) -> None:
        self._file = ROOT / f"Pulumi.{stack}.yaml"
        self._plugins = plugins
        self._graphs: dict[str, Graph] = {}

    @cached_property
    def _cluster(self) -> Json:
        """The object `kubewright:cluster` of the example stack."""
        return cast(Json, yaml.safe_load(self._file.read_text())["config"]["kubewright:cluster"])

    def config(self, edit: ConfigEdit | None = None) -> Json:
        """Return a copy of `kubewright:cluster` of the example stack, edited by `edit`."""
        cluster = copy.deepcopy(self._cluster)
        if edit:
            edit(cluster)
        return cluster

    def settings(self, edit: ConfigEdit | None = None) -> Settings:
        """Return the settings of the example stack, edited by `edit`."""
        return load(cast(Mapping[str, object], self.config(edit)))

    def run_program(self, cluster: Json, *, preview: bool = False) -> Graph:
        """Run the program for `kubewright:cluster` and return the graph of all registered resources."""
        interrupt = signal.getsignal(signal.SIGINT)
        pulumi_config.set_config("kubewright:cluster", json.dumps(cluster))
        try:
            return record_graph(
                lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"),
                preview=preview,
                plugins=self._plugins(),
            )
        finally:
            signal.signal(signal.SIGINT, interrupt)
            pulumi_config.set_all_config({})

    def graph(self, edit: ConfigEdit | None = None) -> Graph:
        """Return the resource graph of the example stack after `edit`.

        Equal configurations share one graph.
        """
        config_text = json.dumps(self.config(edit))
        if config_text not in self._graphs:
            self._graphs[config_text] = self.run_program(cast(Json, json.loads(config_text)))
        return self._graphs[config_text]
