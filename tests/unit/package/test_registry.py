"""Tests of the passwords of registries in programs that import the package, with mocks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import Output

from tests.unit.components.graph import without_secret_marks
from tests.unit.package.test_component import config, create, run


@pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
def test_passwords_of_registries_are_secret(tmp_path: Path, wrap: Callable[[str], object]) -> None:
    password, pulled = "a-password-of-alice", "a-password-of-robot"

    def program() -> None:
        registry = {
            "name": "registry.corp.example",
            "storage": {"volume": {"size": "1Gi"}},
            "users": {"alice": {"password": wrap(password)}},
            "node_user": "alice",
        }
        pull = {
            "registry": "registry.corp.example",
            "username": "robot",
            "password": wrap(pulled),
            "namespaces": ["default"],
        }
        create(config(tmp_path, "one", addons={"registry": registry}, pull_secrets={"corp": pull}))

    graph = run(program)
    login = base64.b64encode(f"alice:{password}".encode())
    payload = base64.b64decode(graph.node("one-w-1-node").text("stdin"))
    assert login in payload, "nodes get the password itself"
    users = without_secret_marks(graph.node("one-registry-users").inputs["stringData"])
    assert users["htpasswd"].startswith("alice:$2b$10$")
    content = without_secret_marks(graph.node("one-pull-secrets-default-corp").inputs["stringData"])
    assert pulled in content[".dockerconfigjson"]
    for node in graph.nodes.values():
        texts = [*node.plain_texts()]
        assert not [text for text in texts if password in text or pulled in text], node.name
