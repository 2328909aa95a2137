"""Tests that the example stacks are valid and have pinned artifacts. The tests need no network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

import nodeconfig
from artifacts import catalogue
from artifacts.index import (
    load as load_index,
)  # imported here because tests of the program replace the function
from assembly import build_topology
from settings import Settings, files, load

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(ROOT.glob("Pulumi.*-example.yaml"))


@pytest.fixture(autouse=True)
def refuse_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_on_connection(*_: object, **__: object) -> Any:  # noqa: ANN401  replaces methods of sockets
        raise AssertionError("these tests must not use a network")

    monkeypatch.setattr(socket.socket, "connect", raise_on_connection)


def example_settings(path: Path) -> Settings:
    return load(yaml.safe_load(path.read_text())["config"]["kubewright:cluster"])


def test_each_cloud_has_an_example() -> None:
    assert {example_settings(path).cloud_name for path in EXAMPLES} == {"aws", "azure"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_bundles_of_an_example_need_no_mirror(path: Path) -> None:
    stack = example_settings(path)
    topology = build_topology(stack)
    texts = files.read_files(stack, ROOT)
    assert stack.artifacts.index
    pinned = texts[stack.artifacts.index]
    index = load_index(stack.artifacts.mirror, None, *topology.version_sets, pinned=pinned)
    bundles = nodeconfig.bundles(topology, index)
    assert {host for host, _ in bundles} == {"cp-1", "cp-2", "cp-3", "general", "batch"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_is_open_only_to_listed_networks(path: Path) -> None:
    network = example_settings(path).network
    assert all(allowed.prefixlen >= 16 for allowed in network.api_networks)


def test_pinned_index_matches_the_catalogue() -> None:
    pinned_files = yaml.safe_load((ROOT / "mirrors/example.json").read_text())["files"]
    expected = {item.key for item in catalogue.node_binaries(catalogue.DEFAULTS)}
    assert expected <= set(pinned_files), "make mirror INDEX=mirrors/example.json"
