"""Tests of configuration values from the engine: decrypted values, and values of Pulumi ESC environments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automation.engine.config import add_environment_values, decrypted_config, decrypted_values
from automation.engine.program import Engine
from automation.environment import Environment
from automation.workspace import Workspace

_CONFIG: dict[str, Any] = {
    "aws:region": "eu-central-1",
    "x:token": {"secure": "v1:a"},
    "kubewright:cluster": {
        "pools": {"w": {"labels": {"tier": {"secure": "v1:b"}, "zone": "a"}}},
        "list": [{"password": {"secure": "v1:c"}}, "kept", {"secure": "v1:d"}],
        "none": None,
    },
}
_PLAIN = {
    "aws:region": "eu-central-1",
    "x:token": "one",
    "kubewright:cluster": {
        "pools": {"w": {"labels": {"tier": "two", "zone": "a"}}},
        "list": [{"password": "three"}, "kept", "four"],
        "none": None,
    },
}


def engine_with_config(tmp_path: Path, config: dict[str, Any]) -> Engine:
    return Engine(Environment(state=tmp_path, cache=tmp_path), Workspace("x", tmp_path, config))


def test_encrypted_values_are_decrypted_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def capture(_: Engine, *words: str) -> str:
        assert words == ("config", "--json", "--show-secrets")
        cluster = _PLAIN["kubewright:cluster"]
        return json.dumps({
            "aws:region": {"value": "eu-central-1", "secret": False},
            "x:token": {"value": "one", "secret": True},
            "kubewright:cluster": {"value": json.dumps(cluster), "objectValue": cluster, "secret": True},
        })  # fmt: skip

    monkeypatch.setattr(Engine, "capture", capture)
    config = decrypted_config(engine_with_config(tmp_path, _CONFIG))
    assert config == _PLAIN
    assert list(decrypted_values(_CONFIG, config)) == ["one", "two", "three", "four"]


def test_engine_is_not_run_without_encrypted_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Engine, "capture")
    assert decrypted_config(engine_with_config(tmp_path, _PLAIN)) is _PLAIN


def test_values_of_an_environment_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi ESC adds settings. Encrypted values of the stack file remain encrypted."""
    own = {
        "kubewright:cluster": {"name": "x", "helm_releases": {"a": {"values": {"own": {"secure": "v1:b"}}}}},
        "kubewright:hosts-file": "overwritten below",
    }
    hosts = tmp_path / "hosts.json"
    hosts.write_text('{"cp-1": {"address": "10.0.0.1"}}')
    values = {"own": "of-the-file", "token": "of-the-environment"}
    resolved = {"name": "x", "environment": "production", "helm_releases": {"a": {"values": values}}}
    resolved["metal"] = {"ssh": {"agent": True}}

    def capture(_: Engine, *words: str) -> str:
        assert words == ("config", "--json", "--show-secrets")
        return json.dumps({
            "kubewright:cluster": {"value": json.dumps(resolved), "objectValue": resolved, "secret": True},
            "kubewright:hosts-file": {"value": str(hosts), "secret": False},
            "aws:region": {"value": "eu-central-1", "secret": False},
            "x:token": {"value": "another-secret", "secret": True},
        })  # fmt: skip

    monkeypatch.setattr(Engine, "capture", capture)
    workspace = add_environment_values(engine_with_config(tmp_path, own))
    cluster = workspace.config["kubewright:cluster"]
    assert cluster["environment"] == "production"
    assert cluster["helm_releases"]["a"]["values"] == {
        "own": {"secure": "v1:b"},
        "token": "of-the-environment",
    }
    assert cluster["metal"]["hosts"] == {"cp-1": {"address": "10.0.0.1"}}
    assert workspace.config["aws:region"] == "eu-central-1"
    assert set(workspace.environment_values) == {"of-the-environment", "another-secret"}
